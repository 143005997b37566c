"""vegeta (Go)."""

from __future__ import annotations

import re
import shutil
import subprocess

from loadkit.bench.peers.peer import OPEN, Job, Said, asked, not_on_path, read_json

_OPEN_WORKERS = 20_000


class Vegeta:
    """``vegeta attack``; without a rate its workers send as fast as they can."""

    name = "vegeta"
    title = "vegeta"
    model = OPEN
    note = "open model; times from the sending of a request, not from when it was due"

    def missing(self) -> str | None:
        """See Peer."""
        return not_on_path("vegeta")

    def version(self) -> str:
        """See Peer. Built from its Go module it cannot say its version; Go can."""
        said = asked(["vegeta", "-version"], r"Version: (\S+)")
        if re.match(r"v?\d", said):
            return said
        found = shutil.which("vegeta") or "vegeta"
        return asked(["go", "version", "-m", found], r"mod\s+\S*vegeta\S*\s+(\S+)")

    def command(self, job: Job) -> list[str]:
        """See Peer."""
        targets = job.directory / "targets.txt"
        lines = [f"{job.method} {job.url}"]
        if job.body is not None:
            lines += ["Content-Type: application/json", f"@{job.body_file()}"]
        targets.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = ["vegeta", "attack", f"-duration={job.duration_s:g}s", f"-targets={targets}"]
        command += ["-timeout=60s", f"-output={job.directory / 'vegeta.bin'}"]
        most = job.connections if job.rate is None else _OPEN_WORKERS
        command += [f"-workers={job.connections}", f"-max-workers={most}", f"-connections={most}"]
        return [*command, f"-rate={job.rate or 0:g}"]

    def said(self, job: Job, out: str) -> Said:
        """See Peer. vegeta's times are nanoseconds."""
        report = ["vegeta", "report", "-type=json", str(job.directory / "vegeta.bin")]
        done = subprocess.run(report, capture_output=True, text=True, timeout=120, check=False)
        found = read_json(done.stdout or done.stderr, "vegeta")
        times = found["latencies"]
        requests = int(found["requests"])
        good = sum(n for code, n in found["status_codes"].items() if 200 <= int(code) < 300)
        ordered = (times[key] / 1e9 for key in ("50th", "95th", "99th", "max"))
        return Said.of(requests, requests - good, ordered)
