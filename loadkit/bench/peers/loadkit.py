"""loadkit itself: ``loadkit.HttpUser`` in the load child that ``loadkit run`` starts."""

from __future__ import annotations

import importlib.util
from urllib.parse import urlsplit

from loadkit.bench import own
from loadkit.bench.machine import package_version
from loadkit.bench.peers.peer import OPEN, Job, Said
from loadkit.bundle.histogram import Histogram
from loadkit.model import Rate, Stage, Users

_STAGE = "steady"


class Loadkit:
    """``loadkit.HttpUser`` with trace header, service and response time, exemplars."""

    name = "loadkit"
    title = "loadkit.HttpUser"
    model = OPEN
    note = "open model; response times from when a request was due, service times beside them"

    def missing(self) -> str | None:
        """See Peer."""
        found = importlib.util.find_spec("loadkit.load.client.user")
        return None if found else "loadkit.HttpUser is not there"

    def version(self) -> str:
        """See Peer."""
        return package_version("loadkit")

    def command(self, job: Job) -> list[str]:
        """See Peer."""
        url = urlsplit(job.url)
        load = Users(job.connections) if job.rate is None else Rate(job.rate)
        return own.command(
            job.directory,
            own.user_file(job.body, url.path),
            [Stage(_STAGE, load, job.duration_s)],
            f"{url.scheme}://{url.netloc}",
        )

    def said(self, job: Job, out: str) -> Said:
        """See Peer."""
        frames = own.Frames.read(job.directory)
        frames.end()
        flow = frames.flow()
        response, service = frames.histogram("response"), frames.histogram("service")
        bad = flow["failed"] + flow["raised"] + flow["cancelled"]
        inner = _said(service, flow["sent"], bad, 0, None)
        return _said(response, flow["sent"], bad, flow["never_started"], inner)


def _said(times: Histogram, sent: int, bad: int, unsent: int, service: Said | None) -> Said:
    ordered = (own.seconds(times, q) for q in (0.5, 0.95, 0.99, 1.0))
    return Said.of(sent, bad, ordered, unsent=unsent, service=service)
