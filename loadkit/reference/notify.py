"""Notifications inside the process: a bounded queue, and budgets that are watched behind it.

NATS takes the queue's place in the full stack.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from loadkit.reference.logs import JsonLog
from loadkit.reference.ports import Notification, NotifierState
from loadkit.reference.pricing import nano_text

BUDGETS = {"free": 10 * 10**9, "pro": 1_000 * 10**9}
"""What a tier's user may spend before someone should know; nano-dollars. Others: no limit."""


class QueueNotifier:
    """`ports.Notifier` on one event loop; hands each notification to `deliver`, in order."""

    def __init__(
        self, deliver: Callable[[Notification], None], log: JsonLog, capacity: int = 1000
    ) -> None:
        self._deliver = deliver
        self._log = log
        self._capacity = capacity
        self._queue: asyncio.Queue[Notification] = asyncio.Queue(capacity)
        self._queued = 0
        self._delivered = 0
        self._dropped = 0
        self._task = asyncio.create_task(self._run(), name="notifier")

    async def send(self, notification: Notification) -> bool:
        """See `ports.Notifier`."""
        try:
            self._queue.put_nowait(notification)
        except asyncio.QueueFull:
            self._dropped += 1
            return False
        self._queued += 1
        return True

    async def _run(self) -> None:
        while True:
            notification = await self._queue.get()
            try:
                self._deliver(notification)
                self._delivered += 1
            except Exception as error:
                # One bad subscriber must not end the delivery of everything after it.
                self._log.write(
                    "error",
                    "notification_failed",
                    "a notification could not be delivered",
                    error_type=type(error).__name__,
                    cost_id=notification.cost_id,
                )
            finally:
                self._queue.task_done()

    def state(self) -> NotifierState:
        """See `ports.Notifier`."""
        return NotifierState(
            self._queued, self._delivered, self._dropped, self._queue.qsize(), self._capacity
        )

    async def close(self) -> None:
        """See `ports.Notifier`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), 0.2)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


class BudgetWatch:
    """Logs once for each user that spends more than their tier's budget while we run."""

    def __init__(self, log: JsonLog) -> None:
        self._log = log
        self._spent: dict[str, int] = {}

    def __call__(self, notification: Notification) -> None:
        """Add it up."""
        budget = BUDGETS.get(notification.tier)
        if budget is None:
            return
        before = self._spent.get(notification.user_id, 0)
        after = before + notification.cost
        self._spent[notification.user_id] = after
        if before <= budget < after:
            self._log.write(
                "warning",
                "budget_exceeded",
                "a user has spent more than the budget of the tier",
                user_id=notification.user_id,
                tier=notification.tier,
                budget=nano_text(budget),
                spent=nano_text(after),
            )
