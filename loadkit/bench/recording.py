"""What recording costs, in a process of its own so that its memory is only that.

``python -m loadkit.bench.recording loadkit|hdrhistogram|locust --count N`` records the latencies
of so many simulated requests, 10,000 a simulated second, and prints a JSON line at each
checkpoint: ``count``, ``rss_bytes`` (resident), ``ns`` of processor time a recording since the one
before. loadkit's recorder gets a sent and an ended, service and response time, for each request,
is drained every simulated second, and its rows are made into a frame as for the pipe.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

from loadkit.load.frames import encode
from loadkit.load.recorder import OK, Recorder

_A_SECOND = 10_000
_NS = 1_000_000_000
_LATENCIES = 65_537  # prime, so that no second gets the same ones as another
_CHECKPOINTS = (1, 3)

Second = Callable[[int, list[int]], None]
"""Records the latencies (ns) of one simulated second, given its number."""


def latencies() -> list[int]:
    """Response times as a service has them: log-normal around 8 ms, ns."""
    draw = random.Random(20_261_124)
    return [int(8e6 * draw.lognormvariate(0, 0.8)) for _ in range(_LATENCIES)]


def checkpoints(count: int) -> list[int]:
    """1, 3, 10, 30 … million up to ``count``, with it; from a hundredth of it when it is small."""
    first = min(1_000_000, max(_A_SECOND, count // 100))
    found, unit = [], first
    while unit <= count:
        found += [unit * step for step in _CHECKPOINTS if unit * step <= count]
        unit *= 10
    return sorted({*found, count})


def loadkit_second(recorder: Recorder | None = None) -> Second:
    """loadkit's recorder, by default a new one with one stage; one operation."""
    recorder = Recorder(["run"], [0, 0]) if recorder is None else recorder
    recorder.t0_ns = _NS
    code = recorder.code("POST", "/api/v1/costs")

    def second(number: int, values: list[int]) -> None:
        sent, ended = recorder.sent, recorder.ended
        due = recorder.t0_ns + number * _NS
        for serial, took in enumerate(values, number * _A_SECOND + 1):
            due += 100_000
            sent(code, due, due)
            ended(code, OK, due, due + took, took - 40_000, took, True, serial)
        rows = recorder.drain()
        encode({"type": "tick", "rows": rows})

    return second


def hdr_second() -> Second:
    """hdrhistogram with three significant digits, up to an hour."""
    histogram = importlib.import_module("hdrh.histogram").HdrHistogram(1, 3600 * _NS, 3)

    def second(_: int, values: list[int]) -> None:
        record = histogram.record_value
        for took in values:
            record(took)

    return second


def locust_second() -> Second:
    """Locust's statistics, as its clients fill them."""
    # By name: only loadkit.load may import Locust, and this process is not loadkit.
    os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"
    stats = importlib.import_module("locust.stats").RequestStats()

    def second(_: int, values: list[int]) -> None:
        for took in values:
            stats.log_request("POST", "/api/v1/costs", took / 1e6, 84)

    return second


RECORDERS: dict[str, Callable[[], Second]] = {
    "loadkit": loadkit_second,
    "hdrhistogram": hdr_second,
    "locust": locust_second,
}


def resident_bytes() -> int:
    """Memory of this process that is in RAM."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def record(second: Second, count: int) -> Iterator[dict[str, float]]:
    """Records ``count`` latencies; a reading at each checkpoint.

    What the loop itself costs is in the time: an iteration over a list, some tens of ns.
    """
    values = cycle(latencies())
    done, number, spent_ns, since = 0, 0, 0, 0
    for until in checkpoints(count):
        while done < until:
            batch = list(islice(values, min(_A_SECOND, until - done)))
            begun = time.process_time_ns()
            second(number, batch)
            spent_ns += time.process_time_ns() - begun
            done += len(batch)
            number += 1
        yield {"count": done, "rss_bytes": resident_bytes(), "ns": spent_ns / (done - since)}
        spent_ns, since = 0, done


def main() -> int:
    """Reads the options and records; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m loadkit.bench.recording")
    parser.add_argument("recorder", choices=tuple(RECORDERS))
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    for row in record(RECORDERS[options.recorder](), options.count):
        print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
