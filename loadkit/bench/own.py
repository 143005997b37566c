"""loadkit's load child as ``loadkit run`` starts it, and what its frames say."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadkit.bench import servers
from loadkit.bench.bench import Bench
from loadkit.bench.process import Pinned, ended
from loadkit.bench.scratch import scratch
from loadkit.bundle.histogram import Histogram
from loadkit.errors import StackError
from loadkit.load.frames import Decoder
from loadkit.model import Scenario, Stage
from loadkit.scenario import codec

FILE = "scenario.py"
_PLAN, _FRAMES = "plan.json", "frames.bin"
_CHUNK = 1 << 20
_END_S = 120.0

_USER = """\
import loadkit
from locust import task

BODY = {body}


class Sender(loadkit.HttpUser):
    @task
    def send(self):
        {call}
"""


def user_file(body: bytes | None, path: str) -> str:
    """A scenario file with one user that sends one request an iteration."""
    call = f"self.client.get({path!r})"
    if body is not None:
        call = f"self.client.post({path!r}, json=BODY)"
    return _USER.format(body=None if body is None else repr(json.loads(body)), call=call)


def command(
    directory: Path,
    text: str,
    stages: Sequence[Stage],
    host: str,
    *,
    drain_s: float = 30.0,
) -> list[str]:
    """Writes the scenario file and the plan; the command that runs it, frames to a file.

    Trace headers, both measures, exemplars and the checks of targets are on: what a run costs.
    """
    file = directory / FILE
    file.write_text(text, encoding="utf-8")
    plan = {
        "file": str(file),
        "scenario": codec.to_dict(Scenario(stages, name="bench")),
        "host": host,
        "drain": drain_s,
        "trace_ratio": 1.0,
    }
    (directory / _PLAN).write_text(json.dumps(plan), encoding="utf-8")
    child = [sys.executable, "-m", "loadkit.load", "run", "--plan-fd", "3", "--frames-fd", "4"]
    plan_file, frames = (shlex.quote(str(directory / name)) for name in (_PLAN, _FRAMES))
    # The shell only opens the files: exec makes it the load child, under the same process id.
    return ["sh", "-c", f"exec {shlex.join(child)} 3<{plan_file} 4>{frames}"]


@dataclass
class Frames:
    """The frames of a load child, in the order in which they came."""

    frames: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, directory: Path) -> Frames:
        """What was written so far; a frame that is not whole yet is left out."""
        decoder, found = Decoder(), cls()
        path = directory / _FRAMES
        if path.exists():
            with path.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    found.frames.extend(decoder.feed(chunk))
        return found

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Frames of a kind."""
        return [frame for frame in self.frames if frame["type"] == kind]

    @property
    def t0_ns(self) -> int | None:
        """When the load began (CLOCK_MONOTONIC, ns); None when it has not."""
        begun = self.of("begin")
        return int(begun[0]["t0_ns"]) if begun else None

    def end(self) -> dict[str, Any]:
        """How it ended.

        Raises:
            StackError: it did not, or not in order.
        """
        ends = self.of("end")
        if not ends or ends[-1]["reason"] != "finished":
            said = ends[-1].get("message") or ends[-1]["reason"] if ends else "it ended early"
            raise StackError(f"loadkit's load child did not finish: {said}")
        return ends[-1]

    def rows(self, table: str) -> Iterable[dict[str, Any]]:
        """Rows of a table."""
        for tick in self.of("tick"):
            yield from tick["rows"].get(table, ())

    def flow(self, *, stage: str | None = None, before_s: float | None = None) -> Counter[str]:
        """Events counted, of a stage, and of seconds before one."""
        counts: Counter[str] = Counter()
        for row in self.rows("flow"):
            early = before_s is None or row["second"] < before_s
            if early and stage in (None, row["stage"]):
                counts[row["event"]] += row["count"]
        return counts

    def histogram(self, measure: str, *, stage: str | None = None) -> Histogram:
        """All values of a measure but those of cancelled requests."""
        found = Histogram()
        for row in self.rows("intervals"):
            if row["measure"] != measure or row["outcome"] == "cancelled":
                continue
            if stage in (None, row["stage"]):
                pairs = zip(row["buckets"], row["counts"], strict=True)
                found.merge_row(row["count"], row["sum_ns"], row["min_ns"], row["max_ns"], pairs)
        return found


def seconds(histogram: Histogram, quantile: float) -> float | None:
    """A quantile in seconds, None of an empty histogram."""
    found = histogram.quantile(quantile)
    return None if found is None else found / 1e9


def drive(
    bench: Bench,
    server: servers.Server,
    name: str,
    stages: Sequence[Stage],
    body: bytes | None,
    drain_s: float = 30.0,
) -> Frames:
    """Runs the load child through stages against a server and waits for its end.

    ``drain_s`` is how long what is under way at the end may take.

    Raises:
        StackError: it did not finish.
    """
    folder = scratch(bench.directory, name)
    url = urlsplit(server.url)
    text, host = user_file(body, url.path), f"{url.scheme}://{url.netloc}"
    words = command(folder, text, stages, host, drain_s=drain_s)
    process = Pinned("loadkit", words, core=bench.cores.generator, directory=folder)
    with ended(process):
        process.wait(sum(stage.duration for stage in stages) + _END_S)
    frames = Frames.read(folder)
    try:
        frames.end()
    except StackError as error:
        raise process.failure(error.what) from error
    return frames
