"""oha (Rust)."""

from __future__ import annotations

from loadkit.bench.peers.peer import CAPPED, Job, Said, asked, not_on_path, read_json


class Oha:
    """``oha`` without its screen, on one thread; at a rate with its own latency correction."""

    name = "oha"
    title = "oha"
    model = CAPPED
    note = "at a rate with --latency-correction: times from when a request was due"

    def missing(self) -> str | None:
        """See Peer."""
        return not_on_path("oha")

    def version(self) -> str:
        """See Peer."""
        return asked(["oha", "--version"], r"oha (\S+)")

    def command(self, job: Job) -> list[str]:
        """See Peer."""
        command = ["oha", "--no-tui", "--output-format", "json", "-c", str(job.connections)]
        command += ["-z", f"{job.duration_s:g}s", "-t", "60s"]
        if job.rate is not None:
            # Not fewer than one a second is understood, and only whole ones.
            command += ["-q", f"{max(1, round(job.rate))}", "--latency-correction"]
            command += ["-w"]  # waits for what is under way at the end
        if job.body is not None:
            command += ["-m", "POST", "-T", "application/json", "-D", str(job.body_file())]
        return [*command, job.url]

    def said(self, job: Job, out: str) -> Said:
        """See Peer."""
        found = read_json(out, "oha")
        times = found["latencyPercentiles"]
        statuses = {int(code): n for code, n in found["statusCodeDistribution"].items()}
        # What was under way when the time was over is no error.
        failed = sum(
            count
            for text, count in found["errorDistribution"].items()
            if "aborted due to deadline" not in text
        )
        refused = sum(count for code, count in statuses.items() if not 200 <= code < 300)
        return Said(
            sum(statuses.values()) + failed,
            refused + failed,
            times["p50"],
            times["p95"],
            times["p99"],
            found["summary"]["slowest"],
        )
