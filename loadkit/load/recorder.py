"""The books of the load child: what was sent, how it ended and how long it took.

Every instant is given, nothing is read from a clock. What happens is only appended to flat lists;
a list that is full, and all of them at ``drain``, is folded as arrays (``fold``), so that a
request costs below a microsecond, and memory depends on the stages, seconds and operations
between two drains, not on the number of requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from loadkit.load.cells import Ints
from loadkit.load.fold import CANCELLED, FAILED, MEASURES, OK, OUTCOMES, RAISED, Fold, Row
from loadkit.load.foreign import ForeignTraces
from loadkit.load.messages import message
from loadkit.load.operations import MOST_OPERATIONS, OTHER, Operations
from loadkit.load.places import Axis
from loadkit.load.tracing import TraceIds
from loadkit.model import Finding
from loadkit.scenario.schedule import stage_at

__all__ = [
    "CANCELLED",
    "FAILED",
    "MEASURES",
    "MOST_KINDS",
    "MOST_OPERATIONS",
    "OK",
    "OTHER",
    "OUTCOMES",
    "RAISED",
    "Recorder",
]

MOST_KINDS = 100
_BATCH = 2_048  # folding so many takes about a millisecond, and nothing else runs meanwhile
_SENT, _ENDED, _PLANNED, _STARTED, _GIVEN_UP, _LOOPED = 3, 8, 2, 2, 2, 4  # numbers an entry
_HELD, _UNFED = 1, 2


class Recorder:
    """Counts and histograms since the last drain.

    ``sent`` and ``ended`` are made in the constructor, bound to their lists: they are called for
    every request.
    """

    sent: Callable[[int, int, int], None]
    """sent(code, due_ns, now_ns): a request starts."""

    ended: Callable[[int, int, int, int, int, int, bool, int], None]
    """ended(code, outcome, due_ns, now_ns, service_ns, response_ns, answered, trace): one ended.

    ``outcome`` is OK, FAILED, RAISED or CANCELLED; ``answered`` whether a response came;
    ``trace`` a serial of ``traces`` or what ``foreign_trace`` gave, 0 for none.
    """

    def __init__(
        self,
        stages: Sequence[str],
        bounds: list[int],
        *,
        samples: bool = False,
        note: Callable[[Finding], None] = lambda finding: None,
        batch: int = _BATCH,
    ) -> None:
        """``bounds`` are where stages begin and the last one ends, ns since the start.

        ``batch`` is how many entries are folded at once.
        """
        self.traces = TraceIds()
        self.late = 0
        self._bounds = bounds
        self._axis = Axis(bounds)
        self._operations = Operations(note)
        self._fold = Fold(stages, self._axis, self._operations.names, samples)
        self._foreign = ForeignTraces()
        self._errors: dict[tuple[int, int, int, str], tuple[str, int]] = {}
        self._kinds: set[str] = set()
        self._batch = batch
        self._sent: list[int] = []
        self._ended: list[int] = []
        self._planned: list[int] = []
        self._started: list[int] = []
        self._given_up: list[int] = []
        self._looped: list[int] = []
        self._held: list[int] = []
        self._unfed: list[int] = []
        self._listeners: list[Callable[[Ints, Ints, Ints], None]] = []
        self._told = np.zeros(0, np.bool_)
        self._drain_listeners: list[Callable[[], None]] = []
        self._error_listeners: list[Callable[[int, str, str], None]] = []
        self._folding = False
        self._in_flight = 0  # of what has been folded
        self._bind()

    def _bind(self) -> None:
        ended_list, take, full = self._ended, self.fold, self._batch * _ENDED
        begin, end = self._sent.extend, ended_list.extend

        def sent(code: int, due_ns: int, now_ns: int) -> None:
            begin((code, due_ns, now_ns))

        def ended(
            code: int,
            outcome: int,
            due_ns: int,
            now_ns: int,
            service_ns: int,
            response_ns: int,
            answered: bool,
            trace: int,
        ) -> None:
            end((code, outcome, due_ns, now_ns, service_ns, response_ns, answered, trace))
            if len(ended_list) >= full:
                take()

        self.sent, self.ended = sent, ended

    # -- names and instants -------------------------------------------------------------------

    @property
    def t0_ns(self) -> int:
        """Time zero of stages and seconds, in the clock of what is recorded; 0: not yet known."""
        return self._axis.t0_ns

    @t0_ns.setter
    def t0_ns(self, value: int) -> None:
        self._axis.t0_ns = value

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._in_flight + len(self._sent) // _SENT - len(self._ended) // _ENDED

    def code(self, method: str, name: str, *, told: bool = False) -> int:
        """The number of an operation; of ``other`` beyond the cap.

        ``told``: Locust's own statistics hear of these requests by ``events.request``. All others
        are added to them once a second.
        """
        return self._operations.code(method, name, told)

    def task(self, name: str) -> int:
        """The number of a task, for ``iteration``."""
        return self._operations.code("", name, True)

    def name(self, code: int) -> str:
        """The operation of a code, as in the tables."""
        return self._operations.names[code]

    def told_codes(self) -> npt.NDArray[np.bool_]:
        """By code: whether Locust's statistics hear of the operation by themselves."""
        if len(self._told) != len(self._operations.told):
            self._told = np.array(self._operations.told, np.bool_)
        return self._told

    def parts(self, code: int) -> tuple[str, str]:
        """Method and name of an operation."""
        return self._operations.parts[code]

    def foreign_trace(self, text: str) -> int:
        """A trace id that is not ours (32 hex digits), as ``ended`` takes it."""
        return self._foreign.add(text)

    def on_fold(self, listener: Callable[[Ints, Ints, Ints], None]) -> None:
        """Calls it with (codes, outcomes, service times in ns) of each batch that ended."""
        self._listeners.append(listener)

    def on_error(self, listener: Callable[[int, str, str], None]) -> None:
        """Calls it with (code, kind, text) of each failure."""
        self._error_listeners.append(listener)

    def on_drain(self, listener: Callable[[], None]) -> None:
        """Calls it each time rows are handed over, after the last batch before them."""
        self._drain_listeners.append(listener)

    # -- arrivals and iterations --------------------------------------------------------------

    def planned(self, due_ns: int, *, late: bool) -> None:
        """An arrival came due; ``late`` when no user was free."""
        self._planned += (due_ns, late)
        if late:
            self.late += 1

    def started(self, due_ns: int, now_ns: int) -> None:
        """A user took an arrival up."""
        self._started += (due_ns, now_ns)
        if len(self._started) >= self._batch * _STARTED:
            self.fold()

    def never_started(self, due_ns: int, now_ns: int) -> None:
        """An arrival was given up."""
        self._given_up += (due_ns, now_ns)

    def held(self, now_ns: int) -> None:
        """A request has to wait for the cap on the rate."""
        self._held.append(now_ns)

    def unfed(self, due_ns: int, now_ns: int) -> None:
        """An arrival was taken up and sent nothing, because a feeder had no row for it."""
        self._unfed += (due_ns, now_ns)

    def iteration(self, code: int, due_ns: int, start_ns: int, end_ns: int) -> None:
        """An iteration of a task came to its end; ``code`` by ``task``."""
        self._looped += (code, due_ns, start_ns, end_ns)
        if len(self._looped) >= self._batch * _LOOPED:
            self.fold()

    # -- the rare ways ------------------------------------------------------------------------

    def unseen(
        self, code: int, outcome: int, due_ns: int, now_ns: int, took_ns: int, answered: bool
    ) -> None:
        """A request ended that nobody saw start."""
        self._in_flight += 1
        self.ended(code, outcome, due_ns, now_ns, took_ns, took_ns, answered, 0)

    def error(self, code: int, due_ns: int, kind: str, text: str) -> None:
        """A failure by kind; beyond MOST_KINDS kinds it is ``other``."""
        if kind not in self._kinds:
            if len(self._kinds) >= MOST_KINDS:
                kind = OTHER
            else:
                self._kinds.add(kind)
        for listener in self._error_listeners:
            listener(code, kind, text)
        stage, second = self.place(due_ns)
        known = self._errors.get((stage, second, code, kind))
        text, count = known if known is not None else (message(text), 0)
        self._errors[stage, second, code, kind] = (text, count + 1)

    def place(self, mono_ns: int) -> tuple[int, int]:
        """Stage (index) and second of an instant."""
        t0 = self._axis.t0_ns
        # What hooks send before the load begins goes to its first second.
        offset = max(0, mono_ns - t0) if t0 else 0
        return stage_at(self._bounds, offset), offset // 1_000_000_000

    # -- folding and handing over -------------------------------------------------------------

    def fold(self) -> None:
        """Takes in all that was appended. What is appended meanwhile (by a response that the
        garbage collector ends) stays for the next time."""
        if self._folding:
            return
        self._folding = True
        try:
            self._each(self._fold.sent, self._sent, _SENT)
            self._each(self._take_ended, self._ended, _ENDED)
            self._each(self._fold.planned, self._planned, _PLANNED)
            self._each(self._fold.started, self._started, _STARTED)
            self._each(self._fold.never_started, self._given_up, _GIVEN_UP)
            self._each(self._fold.looped, self._looped, _LOOPED)
            self._each(self._fold.held, self._held, _HELD)
            self._each(self._fold.unfed, self._unfed, _UNFED)
        finally:
            self._folding = False

    def _each(self, take: Callable[..., None], entries: list[int], width: int) -> None:
        size, step = len(entries), self._batch * width
        for at in range(0, size, step):
            part = entries if size <= step else entries[at : at + step]
            flat = np.fromiter(part, np.int64, min(step, size - at))
            take(*np.ascontiguousarray(flat.reshape(-1, width).T))
        if entries is self._sent:
            self._in_flight += size // width
        elif entries is self._ended:
            self._in_flight -= size // width
        del entries[:size]

    def _take_ended(self, code: Ints, outcome: Ints, *others: Ints) -> None:
        self._fold.ended(code, outcome, *others)
        for listener in self._listeners:
            listener(code, outcome, others[2])

    def drain(self) -> dict[str, list[Row]]:
        """Rows of every table with something new since the last time."""
        self.fold()
        for listener in self._drain_listeners:
            listener()
        rows = self._fold.rows(self._trace)
        errors, self._errors = self._errors, {}
        rows["errors"] = [
            {**self._fold.where(*where), "kind": kind, "message": text, "count": count}
            for (*where, kind), (text, count) in errors.items()
        ]
        return {table: found for table, found in rows.items() if found}

    def _trace(self, number: int) -> str | None:
        if number > 0:
            return self.traces.text(number)
        return self._foreign.text(number) if number else None
