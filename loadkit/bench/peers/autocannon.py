"""autocannon (Node.js)."""

from __future__ import annotations

from loadkit.bench.peers.peer import (
    CAPPED,
    Job,
    Said,
    asked,
    not_on_path,
    not_understood,
    read_json,
    whole_seconds,
)


class Autocannon:
    """``autocannon``; at a rate it adds times that it did not measure, as its own correction."""

    name = "autocannon"
    title = "autocannon"
    model = CAPPED
    note = "whole milliseconds; at a rate it adds assumed times for what it did not send; no p95"

    def missing(self) -> str | None:
        """See Peer."""
        return not_on_path("autocannon")

    def version(self) -> str:
        """See Peer."""
        return asked(["autocannon", "--version"], r"autocannon v?(\S+)")

    def command(self, job: Job) -> list[str]:
        """See Peer."""
        command = ["autocannon", "--json", "--no-progress", "-c", str(job.connections), "-t", "60"]
        command += ["-d", str(whole_seconds(job.duration_s))]
        if job.rate is not None:
            command += ["-R", f"{job.rate:g}"]
        if job.body is not None:
            command += ["-m", "POST", "-H", "content-type=application/json"]
            command += ["-i", str(job.body_file())]
        return [*command, job.url]

    def said(self, job: Job, out: str) -> Said:
        """See Peer. autocannon's times are milliseconds."""
        found = read_json(out[out.find("{") :] if "{" in out else out, "autocannon")
        try:
            times = found["latency"]
            bad = int(found["non2xx"]) + int(found["errors"])
            requests = int(found["requests"]["total"]) + int(found["errors"])
        except (KeyError, TypeError):
            raise not_understood("autocannon", out) from None
        return Said(requests, bad, times["p50"] / 1e3, None, times["p99"] / 1e3, times["max"] / 1e3)
