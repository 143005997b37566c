"""wrk (C)."""

from __future__ import annotations

import json

from loadkit.bench.peers.peer import (
    CLOSED,
    Job,
    Said,
    asked,
    not_on_path,
    not_understood,
    read_json,
    whole_seconds,
)

_SCRIPT = """\
{request}
done = function(summary, latency, requests)
  local bad = summary.errors
  io.write(string.format(
    '\\n{{"requests": %d, "errors": %d, "p50": %f, "p95": %f, "p99": %f, "max": %f}}\\n',
    summary.requests, bad.connect + bad.read + bad.write + bad.status + bad.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max))
end
"""
_POST = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = {body}
"""


class Wrk:
    """``wrk`` with one thread."""

    name = "wrk"
    title = "wrk"
    model = CLOSED
    note = "has no rate"

    def missing(self) -> str | None:
        """See Peer."""
        return not_on_path("wrk")

    def version(self) -> str:
        """See Peer."""
        return asked(["wrk", "-v"], r"wrk (\S+)")

    def command(self, job: Job) -> list[str]:
        """See Peer."""
        # A JSON text in which only ASCII is left is a Lua text as well.
        body = json.dumps((job.body or b"").decode("ascii"))
        request = _POST.format(body=body) if job.body is not None else ""
        script = job.directory / "wrk.lua"
        script.write_text(_SCRIPT.format(request=request), encoding="ascii")
        command = ["wrk", "-t", "1", "-c", str(job.connections)]
        command += ["-d", f"{whole_seconds(job.duration_s)}s", "--timeout", "60s"]
        return [*command, "-s", str(script), job.url]

    def said(self, job: Job, out: str) -> Said:
        """See Peer. wrk's times are microseconds."""
        line = next((text for text in out.splitlines() if text.startswith("{")), None)
        if line is None:
            raise not_understood("wrk", out)
        found = read_json(line, "wrk")
        times = (found[key] / 1e6 for key in ("p50", "p95", "p99", "max"))
        return Said.of(int(found["requests"]), int(found["errors"]), times)
