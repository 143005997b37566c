"""k6 (Go); used where it is on PATH, never installed by loadkit."""

from __future__ import annotations

import json

from loadkit.bench.peers.peer import OPEN, Job, Said, asked, not_on_path, read_file, read_json

_OPEN_USERS = 5000
_SUMMARY = "k6.json"
_SCRIPT = """\
import http from 'k6/http';
export const options = {options};
const url = {url};
{body}
export default function () {{
  {call}
}}
export function handleSummary(data) {{
  return {{ {summary}: JSON.stringify(data) }};
}}
"""


class K6:
    """``k6 run`` with answers discarded, which is its quickest way; each body is serialised."""

    name = "k6"
    title = "k6"
    model = OPEN
    note = "open model; times from the sending of a request, without the wait for a connection"

    def missing(self) -> str | None:
        """See Peer."""
        return not_on_path("k6")

    def version(self) -> str:
        """See Peer."""
        return asked(["k6", "version"], r"k6(?:\.exe)? v(\S+)")

    def command(self, job: Job) -> list[str]:
        """See Peer."""
        body, call = "", "http.get(url);"
        if job.body is not None:
            body = f"const body = {job.body.decode()};"
            call = (
                "http.post(url, JSON.stringify(body), "
                "{ headers: { 'Content-Type': 'application/json' } });"
            )
        script = job.directory / "k6.js"
        script.write_text(
            _SCRIPT.format(
                options=json.dumps(_options(job)),
                url=json.dumps(job.url),
                body=body,
                call=call,
                summary=json.dumps(str(job.directory / _SUMMARY)),
            ),
            encoding="utf-8",
        )
        return ["k6", "run", "--no-usage-report", "--address", "", "--quiet", str(script)]

    def said(self, job: Job, out: str) -> Said:
        """See Peer. k6's times are milliseconds."""
        found = read_json(read_file(job.directory / _SUMMARY, "k6"), "k6")["metrics"]
        times = found["http_req_duration"]["values"]
        ordered = (times[key] / 1e3 for key in ("med", "p(95)", "p(99)", "max"))
        # A rate whose hits are failures: passes are requests that failed.
        failed = int(found["http_req_failed"]["values"]["passes"])
        dropped = found.get("dropped_iterations", {}).get("values", {}).get("count", 0)
        requests = int(found["http_reqs"]["values"]["count"])
        return Said.of(requests, failed, ordered, unsent=int(dropped))


def _options(job: Job) -> dict[str, object]:
    length = f"{round(job.duration_s * 1000)}ms"
    steady: dict[str, object]
    if job.rate is None:
        steady = {"executor": "constant-vus", "vus": job.connections, "duration": length}
    else:
        steady = {
            "executor": "constant-arrival-rate",
            "rate": max(1, round(job.rate)),
            "timeUnit": "1s",
            "duration": length,
            "preAllocatedVUs": max(job.connections, min(_OPEN_USERS, round(8 * job.rate))),
            "maxVUs": _OPEN_USERS,
        }
    return {
        "scenarios": {"steady": {**steady, "gracefulStop": "60s"}},
        "discardResponseBodies": True,
        "summaryTrendStats": ["med", "p(95)", "p(99)", "max", "count"],
    }
