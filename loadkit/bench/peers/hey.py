"""hey (Go)."""

from __future__ import annotations

import re

from loadkit.bench.peers.peer import CAPPED, Job, Said, not_on_path, not_understood, packaged

_QUANTILE = r"^  {}% in ([\d.]+) secs"
_LINE = re.MULTILINE


class Hey:
    """``hey``; its rate is one a connection, kept by waiting."""

    name = "hey"
    title = "hey"
    model = CAPPED
    note = "times from the sending of a request, printed to 0.1 ms"

    def missing(self) -> str | None:
        """See Peer."""
        return not_on_path("hey")

    def version(self) -> str:
        """See Peer. hey cannot say its version."""
        return packaged("hey")

    def command(self, job: Job) -> list[str]:
        """See Peer."""
        command = ["hey", "-z", f"{job.duration_s:g}s", "-c", str(job.connections), "-t", "60"]
        if job.rate is not None:
            command += ["-q", f"{job.rate / job.connections:g}"]
        if job.body is not None:
            command += ["-m", "POST", "-T", "application/json", "-D", str(job.body_file())]
        return [*command, job.url]

    def said(self, job: Job, out: str) -> Said:
        """See Peer."""
        slowest = re.search(r"^  Slowest:\s+([\d.]+) secs", out, _LINE)
        if slowest is None:
            raise not_understood("hey", out)
        statuses = {
            int(code): int(count)
            for code, count in re.findall(r"^  \[(\d{3})\]\s+(\d+) responses", out, _LINE)
        }
        _, _, errors = out.partition("Error distribution:")
        failed = sum(int(count) for count in re.findall(r"^  \[(\d+)\]", errors, _LINE))
        refused = sum(count for code, count in statuses.items() if not 200 <= code < 300)
        times = [*(_quantile(out, percent) for percent in (50, 95, 99)), float(slowest[1])]
        return Said.of(sum(statuses.values()) + failed, refused + failed, times)


def _quantile(out: str, percent: int) -> float | None:
    found = re.search(_QUANTILE.format(percent), out, _LINE)
    return float(found[1]) if found else None
