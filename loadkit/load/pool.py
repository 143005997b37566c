"""The users of a run, held at a gate until an arrival or a closed load lets them through.

Free seats are taken last in, first out, so that few connections stay hot. An arrival belongs to a
stream (the open loads for one name) and to a class of users; it waits for a user of that class,
first come first served, if none is free or the stream's limit is reached.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

import gevent

from loadkit.load.recorder import Recorder
from loadkit.load.seat import Seat


class Stream:
    """Arrivals of the open loads for one user: how many are under way, and those that wait."""

    __slots__ = ("busy", "limit", "queues")

    def __init__(self) -> None:
        self.busy = 0
        self.limit = 1
        self.queues: dict[str, deque[tuple[int, int]]] = {}

    @property
    def waiting(self) -> int:
        """Arrivals that wait for a user."""
        return sum(len(queue) for queue in self.queues.values())


class Group:
    """The users of a closed load: a place for each, in the order in which they begin."""

    __slots__ = ("order", "pacing_ns", "seats", "wanted")

    def __init__(self) -> None:
        self.order: Sequence[str] = ()
        self.seats: list[Seat | None] = []
        self.wanted = 0
        self.pacing_ns = 0

    def arrange(self, order: Sequence[str], pacing_ns: int) -> None:
        """New places, for a new stage; who is here keeps one of its class if there is any."""
        here: dict[str, list[Seat]] = {}
        for seat in self.seats:
            if seat is not None:
                seat.pacing_ns = pacing_ns
                seat.paced_ns = 0
                here.setdefault(seat.name, []).append(seat)
        self.order, self.pacing_ns = order, pacing_ns
        self.seats = [here[name].pop(0) if here.get(name) else None for name in order]
        for rest in here.values():
            for seat in rest:
                seat.retire()

    @property
    def active(self) -> int:
        """Users in it."""
        return sum(seat is not None for seat in self.seats)


class Pool:
    """All seats, and who waits for one."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.seats: set[Seat] = set()
        self.parked = 0  # users at the gate
        self._free: dict[str, list[Seat]] = {}
        self.tasks: dict[Any, tuple[int, bool]] = {}  # what iterate knows of each
        self.streams: dict[str | None, Stream] = {}
        self.groups: dict[str | None, Group] = {}
        self._number = 0
        self._queued = 0
        self._run = gevent.get_hub().loop.run_callback

    # -- coming and going ----------------------------------------------------------------------

    def join(self, user: Any) -> Seat:
        """A user arrives at the gate for the first time."""
        seat = Seat(self, user)
        self.seats.add(seat)
        return seat

    def quit(self, seat: Seat) -> None:
        """A user is gone, in whatever way."""
        self.seats.discard(seat)
        if seat.arrival is not None:
            if not seat.begun:  # killed between being chosen and running
                self.recorder.never_started(seat.arrival, time.monotonic_ns())
            self.freed(seat)
        for group in self.groups.values():
            if seat in group.seats:
                group.seats[group.seats.index(seat)] = None

    def park(self, seat: Seat) -> None:
        """The seat is at the gate."""
        seat.parked = True
        self.parked += 1
        self._free.setdefault(seat.name, []).append(seat)
        if self._queued:
            self._serve()
        for group in self.groups.values():
            self._fill(group)

    def forget(self, seat: Seat) -> None:
        """The seat left the gate, let through or killed."""
        if seat.parked:  # killed: it stays among the free ones until it is come across
            seat.parked = False
            self.parked -= 1

    def _peek(self, name: str) -> Seat | None:
        """The free seat of a class whose turn it is."""
        free = self._free.get(name)
        while free:
            if free[-1].parked:
                return free[-1]
            free.pop()
        return None

    def _let(self, seat: Seat) -> None:
        """Lets the seat that was peeked at through the gate."""
        assert seat.waiter is not None
        self._free[seat.name].pop()
        seat.parked = False
        self.parked -= 1
        self._run(seat.waiter.switch, None)

    def freed(self, seat: Seat) -> None:
        """A seat has finished an arrival; it will park in a moment."""
        if seat.stream is not None:
            seat.stream.busy -= 1
            seat.stream = None

    @property
    def counts(self) -> Counter[str]:
        """Users of each class, wherever they are."""
        return Counter(seat.name for seat in self.seats)

    @property
    def waiting(self) -> int:
        """Arrivals that wait for a user."""
        return self._queued

    @property
    def busy(self) -> int:
        """Users with an arrival."""
        return sum(stream.busy for stream in self.streams.values())

    @property
    def active(self) -> int:
        """Users at work."""
        return self.busy + sum(group.active for group in self.groups.values())

    # -- open model ------------------------------------------------------------------------------

    def stream(self, user: str | None) -> Stream:
        """The stream of a name."""
        return self.streams.setdefault(user, Stream())

    def arrive(self, stream: Stream, name: str, due_ns: int) -> None:
        """An arrival is due: to a free user of the class, or into the queue."""
        queue = stream.queues.get(name)
        if not queue and stream.busy < stream.limit and (seat := self._peek(name)) is not None:
            self.recorder.planned(due_ns, late=False)
            self._assign(seat, stream, due_ns)
            return
        self.recorder.planned(due_ns, late=True)
        if queue is None:
            queue = stream.queues[name] = deque()
        self._number += 1
        self._queued += 1
        queue.append((self._number, due_ns))

    def _assign(self, seat: Seat, stream: Stream, due_ns: int) -> None:
        stream.busy += 1
        seat.stream = stream
        seat.arrival = due_ns
        self._let(seat)

    def _serve(self) -> None:
        """Gives users to the arrivals that have waited longest."""
        while True:
            oldest: tuple[int, int, Seat, Stream] | None = None
            for stream in self.streams.values():
                if stream.busy >= stream.limit:
                    continue
                for name, queue in stream.queues.items():
                    if queue and (oldest is None or queue[0][0] < oldest[0]):
                        seat = self._peek(name)
                        if seat is not None:
                            oldest = (*queue[0], seat, stream)
            if oldest is None:
                return
            _, due_ns, seat, stream = oldest
            stream.queues[seat.name].popleft()
            self._queued -= 1
            self._assign(seat, stream, due_ns)

    def set_limit(self, user: str | None, limit: int) -> None:
        """How many arrivals of a stream may be under way at once, from now on."""
        self.stream(user).limit = limit
        self._serve()

    def give_up(self, now_ns: int) -> int:
        """Arrivals that still wait will never be started; returns how many."""
        count = 0
        for stream in self.streams.values():
            for queue in stream.queues.values():
                for _, due_ns in queue:
                    self.recorder.never_started(due_ns, now_ns)
                    count += 1
                queue.clear()
        self._queued = 0
        return count

    # -- closed model ----------------------------------------------------------------------------

    def group(self, user: str | None) -> Group:
        """The group of a name."""
        return self.groups.setdefault(user, Group())

    def admit(self, group: Group, wanted: int) -> None:
        """Lets so many users of a group loop freely; those beyond stop after their iteration."""
        group.wanted = wanted
        for place in range(wanted, len(group.seats)):
            seat = group.seats[place]
            if seat is not None:
                group.seats[place] = None
                seat.retire()
        self._fill(group)

    def _fill(self, group: Group) -> None:
        for place in range(min(group.wanted, len(group.seats))):
            if group.seats[place] is not None:
                continue
            seat = self._peek(group.order[place])
            if seat is not None:
                seat.admit(group.pacing_ns)
                group.seats[place] = seat
                self._let(seat)
