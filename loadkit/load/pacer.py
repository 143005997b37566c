"""The cap on the rate, for users who decide by themselves when to send.

Every request has a slot of its own, ``1 / rate`` seconds after the one before; who comes early
waits for it. Slots that nobody used are gone, so nothing is sent in bursts. Requests of arrivals
take slots too but never wait: their rate is planned, and was checked against the cap before.
"""

from __future__ import annotations

import time
from typing import Any

from loadkit.load.client import reporter
from loadkit.load.conductor import wait_until
from loadkit.load.patching import wrap
from loadkit.load.recorder import Recorder
from loadkit.load.seat import Seat, seat_of
from loadkit.load.sessions import Sessions
from loadkit.model import Scenario

_NS = 1_000_000_000
_MOST_AHEAD_NS = _NS  # arrivals that send several requests must not starve the others for good


class Pacer:
    """The slots of this process; ``rate`` is its share of the cap, a second."""

    def __init__(self, rate: float, recorder: Recorder) -> None:
        self._interval_ns = round(_NS / rate)
        self._next_ns = 0
        self._recorder = recorder

    def turn(self, seat: Seat | None) -> bool:
        """Returns when a user's next request may be sent: whether it had to wait."""
        now = time.monotonic_ns()
        slot = max(now, self._next_ns)
        if seat is not None and seat.open:
            self._next_ns = min(slot + self._interval_ns, now + _MOST_AHEAD_NS)
            return False
        self._next_ns = slot + self._interval_ns
        if slot == now:
            return False
        self._recorder.held(now)
        wait_until(slot)
        return True


def install(sessions: Sessions, recorder: Recorder, rate: float) -> None:
    """Paces loadkit's client and both of Locust's in this process, for good.

    Call after ``sessions.install``. Users of other clients are not seen.
    """
    pacer = Pacer(rate, recorder)

    def make_begin(original: Any) -> Any:
        def begin(response: Any) -> None:
            pacer.turn(response.session.shared.get("_loadkit_seat"))
            original(response)

        return begin

    def make_send(original: Any) -> Any:
        def send(code: int, trace: int, user: Any, request: Any) -> Any:
            if pacer.turn(seat_of(user)):
                sessions._refuse(user)  # the load may be over by now
            return original(code, trace, user, request)

        return send

    wrap(reporter.current, "begin", make_begin)
    wrap(sessions, "_send", make_send)


def needed(scenario: Scenario | None) -> bool:
    """Whether anybody decides by himself when to send: closed loads, and files without stages."""
    return scenario is None or any(stage.closed_loads for stage in scenario.stages)
