"""The loop of a gated user: Locust's own for the top-level tasks, with nothing in it to spare.

What a task, ``wait_time``, an exception or a hook may expect of Locust holds here too.
"""

from __future__ import annotations

import logging
import random
import time
import traceback
from typing import Any

from gevent import GreenletExit
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
from locust.user.task import LOCUST_STATE_STOPPING, TaskSet

from loadkit.load.feed.exhausted import Exhausted
from loadkit.load.recorder import Recorder
from loadkit.load.seat import Seat

_log = logging.getLogger("locust.user.task")


def iterate(taskset: Any, seat: Seat) -> None:
    """Runs the tasks of a user (of its DefaultTaskSet) until it is stopped.

    Raises:
        StopUser, StopTest, GreenletExit: as Locust's loop.
    """
    user, queue = taskset._user, taskset._task_queue
    recorder, known = seat.pool.recorder, seat.pool.tasks
    choose, now = random.random, time.monotonic_ns
    while True:
        began = code = 0
        try:
            if seat.held:
                seat.enter()
            if queue:
                task = queue.popleft()
            else:
                tasks = user.tasks
                # Weights are repetitions in the list. Without any, Locust says what is missing.
                task = tasks[int(choose() * len(tasks))] if tasks else taskset.get_next_task()
            if user._state == LOCUST_STATE_STOPPING:
                raise StopUser
            code, plain = known.get(task) or _learn(known, task, recorder)
            began = now()
            thinks = True
            try:
                if plain:
                    task(user)
                else:
                    taskset.execute_task(task)
            except RescheduleTaskImmediately:
                thinks = False
            except RescheduleTask:
                pass
            arrival = seat.arrival
            if arrival is not None:
                recorder.iteration(code, arrival, began, now())
                seat.leave()
            else:
                recorder.iteration(code, seat.paced_ns or began, began, now())
                _rest(user, taskset, seat, began, thinks)
        except Exhausted:
            if seat.arrival is None:
                raise
            seat.spent = False  # the arrival is lost, the user is not
            recorder.unfed(seat.arrival, now())
            seat.leave()
        except (StopUser, StopTest, GreenletExit):
            raise
        except InterruptTaskSet as error:
            # Out of a task of the user itself there is no set to return to; as Locust has it.
            again = RescheduleTaskImmediately if error.reschedule else RescheduleTask
            raise again(error.reschedule) from error
        except Exception as error:
            if began:
                due = seat.arrival or seat.paced_ns or began
                recorder.iteration(code, due, began, now())
            _say(user, error)
            if seat.arrival is not None:
                seat.leave()
            else:
                _rest(user, taskset, seat, began or now(), True)


def _learn(known: dict[Any, tuple[int, bool]], task: Any, recorder: Recorder) -> tuple[int, bool]:
    """(code of its iterations, whether it is a plain function) of a task."""
    name = getattr(task, "__name__", str(task))
    is_set = isinstance(task, type) and issubclass(task, TaskSet)
    known[task] = found = (recorder.task(name), not is_set)
    return found


def _rest(user: Any, taskset: Any, seat: Seat, began_ns: int, thinks: bool) -> None:
    seconds = 0.0
    if thinks:
        wait_time = user.wait_time
        seconds = wait_time() if wait_time else taskset.wait_time()
    seat.rest(seconds, began_ns)


def _say(user: Any, error: Exception) -> None:
    """What Locust does about an exception of a task; raises it again if it is told to."""
    environment = user.environment
    environment.events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)
    if not environment.catch_exceptions:
        raise error
    _log.error("%s\n%s", error, traceback.format_exc())
