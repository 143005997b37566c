"""Who makes the load: the places of the workers, what each told, and what all told together.

Pure: instants are given (the master's CLOCK_MONOTONIC, ns), nothing is read from a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadkit.load.workers.ledger import Inbox
from loadkit.load.workers.remainder import Told

LOST_AFTER_S = 5.0
_NS = 1_000_000_000
_STAMPED = ("generator", "exemplars", "samples")
_ARRIVALS = ("planned", "started", "never_started")

Rows = dict[str, list[dict[str, Any]]]


@dataclass(slots=True)
class Member:
    """One worker. ``state``: joined, ready, running, ended or lost."""

    index: int
    session: bytes
    name: str
    host: str
    pid: int
    local: bool
    versions: dict[str, str]
    same_host: bool
    heard_ns: int
    state: str = "joined"
    inbox: Inbox = field(default_factory=Inbox)
    offset_ns: int = 0
    """By which its clock is translated, fixed when the load begins."""
    uncertainty_ns: int = 0
    latest_offset_ns: int = 0
    users: int = 0
    live: dict[str, Any] = field(default_factory=dict)
    told_until_ns: int | None = None
    told: dict[str, Told] = field(default_factory=dict)
    unsettled: int = 0
    end: dict[str, Any] | None = None
    lost_ns: int | None = None
    unknown: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing more is to come of it."""
        return self.state in ("ended", "lost")

    def take_rows(self, rows: Rows) -> Rows:
        """Its rows in the master's time and with its name, after they went into its own books."""
        for table in _STAMPED:
            for row in rows.get(table, ()):
                row["mono_ns"] += self.offset_ns
        for row in rows.get("generator", ()):
            row["worker"] = self.name
        self._tally(rows.get("flow", ()))
        return rows

    def _tally(self, flow: Iterable[Mapping[str, Any]]) -> None:
        arrivals: dict[str, Counter[str]] = {}
        for row in flow:
            event, count = row["event"], row["count"]
            if event in _ARRIVALS:
                arrivals.setdefault(row["stage"], Counter())[event] += count
            elif event == "sent":
                self.unsettled += count
            elif event in ("ok", "failed", "raised", "cancelled"):
                self.unsettled -= count
        for stage, counts in arrivals.items():
            old = self.told.get(stage, Told())
            self.told[stage] = Told(
                old.planned + counts["planned"],
                old.started + counts["started"],
                old.never_started + counts["never_started"],
            )


class Crew:
    """All places; ``size`` of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.members: dict[int, Member] = {}
        self._rows: Rows = {}

    def place(self) -> int | None:
        """The first free place; None when all are taken."""
        return next((n for n in range(self.size) if n not in self.members), None)

    def unique_name(self, wanted: str) -> str:
        """A name that nobody else of the crew has."""
        taken = {member.name for member in self.members.values()}
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted} ({number})", number + 1
        return name

    def by_session(self, session: bytes) -> Member | None:
        """Who came with that session before."""
        return next((m for m in self.members.values() if m.session == session), None)

    @property
    def complete(self) -> bool:
        """Whether all places are taken."""
        return len(self.members) == self.size

    def all(self, *states: str) -> bool:
        """Whether all places are taken by workers in one of these states."""
        return self.complete and all(m.state in states for m in self.members.values())

    def silent(self, now_ns: int) -> Sequence[Member]:
        """Those that are not over and were not heard for LOST_AFTER_S."""
        limit = now_ns - round(LOST_AFTER_S * _NS)
        return [m for m in self.members.values() if not m.over and m.heard_ns < limit]

    # -- what they tell -------------------------------------------------------------------------

    def add_rows(self, rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Keeps rows for the next tick."""
        for table, some in rows.items():
            self._rows.setdefault(table, []).extend(dict(row) for row in some)

    def take_rows(self) -> Rows:
        """What has gathered since the last time."""
        rows, self._rows = self._rows, {}
        return rows

    def live(self) -> dict[str, Any]:
        """The live numbers of those that are there, added up."""
        present = [m.live for m in self.members.values() if m.live and m.state != "lost"]
        total: dict[str, Any] = {"stage": "", "users": 0, "waiting": 0, "in_flight": 0, "late": 0}
        for live in present:
            for key in ("users", "waiting", "in_flight", "late"):
                total[key] += int(live.get(key) or 0)
            total["stage"] = live.get("stage") or total["stage"]
        return total

    def in_flight(self) -> int:
        """Requests of which no end was told."""
        ended = sum(int((m.end or {}).get("in_flight") or 0) for m in self.members.values())
        return ended + sum(m.unsettled for m in self.members.values() if m.state == "lost")

    def for_manifest(self, t0_ns: int | None) -> list[dict[str, Any]]:
        """A dict a worker, as in ``manifest.workers``."""
        return [_entry(self.members[index], t0_ns) for index in sorted(self.members)]


def _entry(member: Member, t0_ns: int | None) -> dict[str, Any]:
    def seconds(mono_ns: int | None) -> float | None:
        if mono_ns is None or t0_ns is None:
            return None
        return round(max(0, mono_ns - t0_ns) / _NS, 3)

    lost = member.state == "lost"
    return {
        "name": member.name,
        "host": member.host,
        "pid": member.pid,
        "local": member.local,
        "versions": member.versions,
        "state": member.state,
        "offset_ns": str(member.offset_ns),
        "uncertainty_ns": str(member.uncertainty_ns),
        "drift_ns": str(member.latest_offset_ns - member.offset_ns),
        "lost_from_s": (seconds(member.told_until_ns) or 0.0) if lost else None,
        "lost_until_s": seconds(member.lost_ns) if lost else None,
        "unknown": member.unknown if lost else None,
    }
