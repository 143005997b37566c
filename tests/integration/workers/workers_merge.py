"""The same latencies by one recorder, and split over some that send over channels that are cut.

``workers_merge.py WORKERS LATENCIES`` prints what both found, as JSON. A process of its own,
because the channels need gevent.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Mapping
from typing import Any

import gevent
import locust  # noqa: F401 - patches the process, so before anything else

from loadkit.load.recorder import FAILED, OK, Recorder
from loadkit.load.workers.crew import Crew, Member
from loadkit.load.workers.desk import Desk, listen
from loadkit.load.workers.link import Link

TOKEN = "a token for these channels only"
S = 1_000_000_000
STAGES, BOUNDS = ["one", "two"], [0, 5 * S, 10 * S]

Event = tuple[str, bool, int, int, int]


def events(count: int) -> list[Event]:
    chance = random.Random(7)
    names = ["GET /a", "GET /b", "POST /c"]
    found = []
    for _ in range(count):
        due = S + chance.randrange(10 * S)
        service = int(chance.lognormvariate(15, 2))
        late = chance.randrange(10**6)
        found.append((chance.choice(names), chance.random() < 0.9, due, service, service + late))
    return found


def record(recorder: Recorder, event: Event) -> None:
    name, fine, due, service, response = event
    code = recorder.code(*name.split())
    recorder.sent(code, due, due)
    recorder.ended(code, OK if fine else FAILED, due, due + response, service, response, True, 0)


def recorder() -> Recorder:
    made = Recorder(STAGES, BOUNDS)
    made.t0_ns = S
    return made


class Merged:
    """Rows of the tables that add up, added up."""

    def __init__(self) -> None:
        self.histograms: dict[str, dict[str, Any]] = {}
        self.flow: dict[str, int] = {}

    def add(self, rows: Mapping[str, Any]) -> None:
        for row in rows["intervals"]:
            key = "|".join(
                str(row[k]) for k in ("stage", "second", "operation", "outcome", "measure")
            )
            old = self.histograms.setdefault(
                key, {"count": 0, "sum": 0, "min": row["min_ns"], "max": 0, "buckets": {}}
            )
            old["count"] += row["count"]
            old["sum"] += row["sum_ns"]
            old["min"] = min(old["min"], row["min_ns"])
            old["max"] = max(old["max"], row["max_ns"])
            for bucket, count in zip(row["buckets"], row["counts"], strict=True):
                old["buckets"][str(bucket)] = old["buckets"].get(str(bucket), 0) + count
        for row in rows["flow"]:
            key = "|".join(str(row[k]) for k in ("stage", "second", "operation", "event"))
            self.flow[key] = self.flow.get(key, 0) + row["count"]

    def told(self) -> dict[str, Any]:
        return {"histograms": self.histograms, "flow": self.flow}


def by_one(whole: list[Event]) -> Merged:
    one, merged = recorder(), Merged()
    for event in whole:
        record(one, event)
    merged.add(one.drain())
    return merged


def by_many(whole: list[Event], workers: int) -> tuple[Merged, int]:
    crew, merged = Crew(workers), Merged()

    def enrol(join: Mapping[str, Any]) -> Member:
        index = crew.place()
        assert index is not None
        crew.members[index] = Member(
            index, join["session"], str(index), "here", 0, True, {}, True, time.monotonic_ns()
        )
        return crew.members[index]

    desk = Desk(
        listen("127.0.0.1", 0),
        TOKEN,
        crew,
        enrol=enrol,
        welcome=lambda member: {"boot_id": None, "plan": {}},
        take=lambda member, frame: merged.add(frame["rows"]),
        refused=lambda address, reason: sys.exit(f"{address}: {reason}"),
    )
    desk.start()
    links = [
        Link(("127.0.0.1", desk.port), TOKEN, {"session": bytes([n]) * 16, "boot_id": None})
        for n in range(workers)
    ]
    for link in links:
        link.open(5)
        link.follow()
    cuts = send(whole, links, desk, crew)
    for link in links:
        assert link.flush()
        link.close()
    desk.close()
    return merged, cuts


def send(whole: list[Event], links: list[Link], desk: Desk, crew: Crew) -> int:
    """Each worker's part in ten ticks; a connection is cut now and then, with frames under way."""
    chance, cuts = random.Random(11), 0
    recorders = [recorder() for _ in links]
    size = max(1, len(whole) // 10)
    for start in range(0, len(whole), size):
        for number, event in enumerate(whole[start : start + size], start):
            record(recorders[number % len(links)], event)
        for link, own in zip(links, recorders, strict=True):
            link.send({"type": "tick", "rows": own.drain()})
        gevent.sleep(0.01)
        victim = crew.members[chance.randrange(len(links))]
        if desk.connected(victim):
            desk.drop(victim)
            cuts += 1
    return cuts


if __name__ == "__main__":
    workers, count = map(int, sys.argv[1:])
    events_of_all = events(count)
    many, cut = by_many(events_of_all, workers)
    json.dump({"one": by_one(events_of_all).told(), "many": many.told(), "cuts": cut}, sys.stdout)
