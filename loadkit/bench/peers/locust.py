"""Locust with either of its clients."""

from __future__ import annotations

import importlib.util
import json
import sys
from urllib.parse import urlsplit

from loadkit.bench.machine import package_version
from loadkit.bench.peers.peer import CAPPED, Job, Said, read_file, read_json, whole_seconds

_SUMMARY = "locust.json"
_FILE = """\
import json
import random
import time

from locust import {user}, constant, constant_throughput, events, task

BODY = {body}


class Sender({user}):
    wait_time = {wait}

    def on_start(self):
        # Users that begin together would send together for ever.
        time.sleep(random.random() * {apart})

    @task
    def send(self):
        {call}


@events.quit.add_listener
def say(**_):
    total = RUN.stats.total
    said = {{
        "requests": total.num_requests,
        "errors": total.num_failures,
        "times": [total.get_response_time_percentile(q) for q in (0.5, 0.95, 0.99)],
        "max": total.max_response_time,
    }}
    with open({summary!r}, "w", encoding="utf-8") as out:
        json.dump(said, out)


@events.init.add_listener
def keep(environment, **_):
    global RUN
    RUN = environment
"""


class Locust:
    """``locust --headless`` with a user class of its own."""

    model = CAPPED
    note = "Locust's own percentiles: two significant digits above 100 ms, whole milliseconds below"

    def __init__(self, name: str, user: str) -> None:
        self.name = name
        self.title = f"Locust {user}"
        self._user = user

    def missing(self) -> str | None:
        """See Peer."""
        return None if importlib.util.find_spec("locust") else "locust is not installed"

    def version(self) -> str:
        """See Peer."""
        return package_version("locust")

    def command(self, job: Job) -> list[str]:
        """See Peer."""
        url = urlsplit(job.url)
        wait, apart = "constant(0)", 0.0
        if job.rate is not None:
            apart = job.connections / job.rate
            wait = f"constant_throughput({job.rate / job.connections!r})"
        call = f"self.client.get({url.path!r})"
        if job.body is not None:
            call = f"self.client.post({url.path!r}, json=BODY)"
        file = job.directory / "locustfile.py"
        file.write_text(
            _FILE.format(
                user=self._user,
                body=None if job.body is None else repr(json.loads(job.body)),
                wait=wait,
                apart=apart,
                call=call,
                summary=str(job.directory / _SUMMARY),
            ),
            encoding="utf-8",
        )
        users = str(job.connections)
        command = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--only-summary"]
        command += ["--loglevel", "WARNING", "-u", users, "-r", users, "--stop-timeout", "60"]
        command += ["-t", f"{whole_seconds(job.duration_s)}s"]
        return [*command, "--host", f"{url.scheme}://{url.netloc}"]

    def said(self, job: Job, out: str) -> Said:
        """See Peer. Locust's times are milliseconds."""
        found = read_json(read_file(job.directory / _SUMMARY, "locust"), "locust")
        times = (value / 1e3 for value in (*found["times"], found["max"]))
        return Said.of(int(found["requests"]), int(found["errors"]), times)
