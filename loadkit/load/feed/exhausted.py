"""What a user meets who asks for a row when there is none."""

from __future__ import annotations

from gevent import getcurrent
from locust.exception import StopUser
from locust.user.users import User

from loadkit.load.seat import seat_of


class Exhausted(StopUser):
    """The feeder has no row left: the user stops, and nobody takes its place.

    A user that serves an arrival stays, and the arrival sends nothing.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        args = getattr(getcurrent(), "args", None)
        seat = seat_of(args[0]) if args and isinstance(args[0], User) else None
        if seat is not None:
            seat.spent = True
