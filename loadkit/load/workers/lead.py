"""Leads a crew: seats its workers, gives the start, passes on what they tell, notices the lost."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from loadkit.load.plan import MasterPlan, Plan
from loadkit.load.workers import partings
from loadkit.load.workers.crew import LOST_AFTER_S, Crew, Member, Rows
from loadkit.load.workers.desk import Desk, Turned, listen
from loadkit.load.workers.identity import boot_id, versions
from loadkit.load.workers.locals import Locals, new_token
from loadkit.load.workers.refusals import Refusals
from loadkit.load.workers.remainder import Arrivals, Remainder, remainder
from loadkit.model import Finding
from loadkit.scenario.schedule import Schedule, stage_bounds, streams

_NS = 1_000_000_000
_LEAD_NS = 300_000_000  # from "all are ready" to time zero: the word has to reach them
_EARLY_NS = 500_000_000  # before the planned end; no worker closes so early by the plan
_READY_S = 120.0


class Lead:
    """The crew of one run.

    Args:
        plan: with a ``master``.
        say: passes a frame to the supervisor.
        note: passes a finding.
        abort: ends the run before it began, for a reason.
        over: nothing more is to come of any worker.
    """

    def __init__(
        self,
        plan: Plan,
        say: Callable[[Mapping[str, Any]], None],
        note: Callable[[Finding], None],
        abort: Callable[[str], None],
        over: Callable[[], None],
    ) -> None:
        assert plan.master is not None
        self._plan = plan
        self._setup: MasterPlan = plan.master
        self._say = say
        self._note = note
        self._abort = abort
        self._over = over
        self._told_over = False
        self._sha256 = hashlib.sha256(Path(plan.file).read_bytes()).hexdigest()
        stages = plan.scenario.stages if plan.scenario is not None else ()
        self._stages = [stage.name for stage in stages] or ["run"]
        self._end_ns = stage_bounds(stages)[-1] if stages else None
        self._streams: list[Arrivals] = [
            Schedule(stages, user=user, seed=plan.seed)
            for user in (streams(stages) if stages else ())
        ]
        self.crew = Crew(self._setup.workers)
        token = self._setup.token or new_token()
        self._locals = Locals(token, plan.file) if self._setup.local else None
        self._desk = Desk(
            listen(self._setup.host, self._setup.port),
            token,
            self.crew,
            enrol=self._enrol,
            welcome=self._welcome,
            take=self._take,
            refused=self._refused,
        )
        self._opened = time.monotonic()
        self._complete_at: float | None = None
        self._said_stages: set[str] = set()
        self._said_findings: set[tuple[str, str]] = set()
        self._refusals = Refusals()
        self._stopping: str | None = None
        self._stop_by: float | None = None
        self.t0_ns: int | None = None

    # -- the beginning ------------------------------------------------------------------------

    def open(self) -> None:
        """Lets workers in; starts those of this machine.

        Raises:
            LoadError: a process cannot be started.
        """
        self._desk.start()
        if self._locals is not None:
            self._locals.start(self._setup.workers, self._desk.port)
        else:
            where = {"host": self._setup.host, "port": self._desk.port}
            self._say({"type": "listening", **where, "workers": self.crew.size})

    def locust_port(self, port: int) -> None:
        """Where Locust's master is now."""
        self._desk.locust_port = port

    def go(self, t0_ns: int, users: int) -> None:
        """Time zero (CLOCK_MONOTONIC, ns): told to all."""
        self.t0_ns = t0_ns
        self._desk.tell_all({"type": "go", "t0_ns": t0_ns})
        self._say({"type": "begin", "t0_ns": t0_ns, "users": users})
        self.say_workers()

    def say_workers(self) -> None:
        """Tells the supervisor who there is."""
        self._say({"type": "workers", "workers": self.crew.for_manifest(self.t0_ns)})

    def _enrol(self, join: Mapping[str, Any]) -> Member:
        if self.t0_ns is not None or self._stopping is not None:
            raise Turned("the run has begun without it")
        if join["versions"]["loadkit"] != versions()["loadkit"]:
            raise Turned(
                f"its loadkit is {join['versions']['loadkit']}, the master's is "
                f"{versions()['loadkit']}",
                usage=True,
            )
        if join["sha256"] != self._sha256:
            raise Turned(
                f"its {join['file']} is not the master's {Path(self._plan.file).name}",
                usage=True,
                remedy="Give every worker the same file, byte for byte.",
            )
        index = self.crew.place()
        if index is None:
            raise Turned(f"all {self.crew.size} places are taken")
        local = self._locals is not None and self._locals.owns(join["pid"])
        name = str(index + 1) if local else str(join["name"] or join["host"])
        member = Member(
            index=index,
            session=join["session"],
            name=self.crew.unique_name(name),
            host=str(join["host"]),
            pid=int(join["pid"]),
            local=local,
            versions={str(key): str(value) for key, value in join["versions"].items()},
            same_host=join["boot_id"] is not None and join["boot_id"] == boot_id(),
            heard_ns=time.monotonic_ns(),
        )
        self.crew.members[index] = member
        self.say_workers()
        return member

    def _welcome(self, member: Member) -> Mapping[str, Any]:
        return {"boot_id": boot_id(), "plan": self._plan.for_worker(member.index)}

    def _refused(self, address: str, reason: str) -> None:
        finding = self._refusals.take(address, reason, time.monotonic())
        if finding is not None:
            self._note(finding)

    # -- what workers tell ----------------------------------------------------------------------

    def _take(self, member: Member, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "tick":
            self._tick(member, frame)
        elif kind == "ready":
            self._ready(member, frame)
        elif kind == "begin":
            member.state, member.users = "running", frame["users"]
        elif kind == "stage" and frame["name"] not in self._said_stages:
            self._said_stages.add(frame["name"])
            self._say({**frame, "mono_ns": frame["mono_ns"] + member.offset_ns})
        elif kind == "finding":
            self._finding(frame)
        elif kind == "closing":
            self._closing(member, frame)
        elif kind == "end":
            self._end(member, frame)

    def _tick(self, member: Member, frame: dict[str, Any]) -> None:
        member.live = frame["live"]
        rows: Rows = frame["rows"]
        self.crew.add_rows(member.take_rows(rows))
        member.told_until_ns = frame["mono_ns"] + member.offset_ns

    def _finding(self, frame: dict[str, Any]) -> None:
        # All of them may meet the same; it is worth saying once.
        key = (frame["slug"], frame["summary"])
        if key not in self._said_findings:
            self._said_findings.add(key)
            self._say(frame)

    def _ready(self, member: Member, frame: dict[str, Any]) -> None:
        member.state = "ready"
        member.users = frame["users"]
        member.offset_ns = member.latest_offset_ns = frame["offset_ns"]
        member.uncertainty_ns = frame["uncertainty_ns"]
        if self._plan.scenario is not None and self.t0_ns is None and self.crew.all("ready"):
            ways = max(m.uncertainty_ns for m in self.crew.members.values())
            self.go(time.monotonic_ns() + _LEAD_NS + 4 * ways, frame["users"])

    def _closing(self, member: Member, frame: dict[str, Any]) -> None:
        """A worker's load ends. Where that is not the plan's end, it is the end for all."""
        if self._stopping is not None or frame["reason"] != "finished" or self.t0_ns is None:
            return
        at_ns = frame["mono_ns"] + member.offset_ns - self.t0_ns
        if self._end_ns is None or at_ns < self._end_ns - _EARLY_NS:
            self.stop("finished")

    def _end(self, member: Member, frame: dict[str, Any]) -> None:
        frame["mono_ns"] += member.offset_ns
        member.end = frame
        member.state = "ended"
        if self.t0_ns is None:
            self._abort(f"worker {member.name}: {frame.get('message') or 'ended too early'}")
        elif frame["reason"] != "finished" and self._stopping is None:
            member.lost_ns = frame["mono_ns"]
            rest = self._rest(member, told_all=True)
            text = frame.get("message")
            self._note(partings.left(member, text, self.t0_ns, rest))
        self.say_workers()

    # -- watching ---------------------------------------------------------------------------------

    def watch(self) -> None:
        """Every few hundredths of a second: who is missing, who is lost, whether all is over."""
        now_ns = time.monotonic_ns()
        if self.t0_ns is None:
            self._watch_start(now_ns)
            return
        for member in self.crew.members.values():
            if member.over or not member.local or self._locals is None:
                continue
            status = self._locals.ended(member.pid)
            # What it had sent is read to its end first.
            if status is not None and not self._desk.connected(member):
                self._lost(member, now_ns, f"its process ended with {partings.exit_text(status)}")
        for member in self.crew.silent(now_ns):
            self._lost(member, now_ns, f"nothing was heard of it for {LOST_AFTER_S:g} s")
        if self._stop_by is not None and time.monotonic() > self._stop_by:
            for member in [m for m in self.crew.members.values() if not m.over]:
                self._lost(member, now_ns, "it did not end when it was told to")
        if not self._told_over and self.crew.all("ended", "lost"):
            self._told_over = True
            self._over()

    def _watch_start(self, now_ns: int) -> None:
        if self._locals is not None and (ended := self._locals.any_ended()):
            status = partings.exit_text(next(iter(ended.values())))
            self._abort(f"a worker ended with {status} before the load began")
            return
        for member in self.crew.silent(now_ns):
            self._desk.drop(member)
            del self.crew.members[member.index]  # another may take its place
        now = time.monotonic()
        if not self.crew.complete:
            self._complete_at = None
            if now - self._opened > self._setup.timeout:
                self._abort(
                    f"{len(self.crew.members)} of {self.crew.size} workers came within "
                    f"{self._setup.timeout:g} s; nothing was sent"
                )
            return
        self._complete_at = self._complete_at or now
        if now - self._complete_at > _READY_S:
            waiting = [m.name for m in self.crew.members.values() if m.state == "joined"]
            self._abort(f"not ready within {_READY_S:g} s: worker {', '.join(waiting)}")

    def _lost(self, member: Member, now_ns: int, why: str) -> None:
        assert self.t0_ns is not None
        self._desk.drop(member)
        if self._locals is not None:
            self._locals.kill(member.pid)  # one that stands still must not go on later
        member.state, member.lost_ns = "lost", now_ns
        rest = self._rest(member)
        member.unknown = rest.unknown
        self._note(partings.lost(member, why, self.t0_ns, rest))
        self.say_workers()

    def _rest(self, member: Member, *, told_all: bool = False) -> Remainder:
        """What it leaves in the books, entered into them."""
        assert self.t0_ns is not None and member.lost_ns is not None
        rest = remainder(
            self._streams,
            self._stages,
            member.index,
            self.crew.size,
            member.told,
            member.lost_ns - self.t0_ns,
            told_all=told_all,
        )
        self.crew.add_rows({"flow": rest.rows})
        return rest

    # -- the end ----------------------------------------------------------------------------------

    def stop(self, reason: str, within_s: float | None = None) -> None:
        """Tells all to end; those that have not after ``within_s`` count as lost."""
        if self._stopping != reason:
            self._stopping = reason
            self._desk.tell_all({"type": "stop", "reason": reason})
        if within_s is not None:
            self._stop_by = time.monotonic() + within_s

    def say_rest(self) -> None:
        """Says what was only counted so far."""
        for finding in self._refusals.rest():
            self._note(finding)

    def close(self) -> None:
        """Hangs up on all, and ends those of this machine."""
        self._desk.close()
        if self._locals is not None:
            self._locals.close()
