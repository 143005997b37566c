"""One iteration of every task, with every request and answer told as it happens.

Each user class of the file gets one user: ``on_start``, then each of its tasks once, those of
nested task sets too; a ``SequentialTaskSet`` makes one pass. Think times are left out. Whatever a
task raises is told and the next one comes.
"""

from __future__ import annotations

import random
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import gevent
import locust
import locust.main
from gevent import GreenletExit, getcurrent
from locust import clients, log
from locust.argument_parser import LocustArgumentParser
from locust.contrib import fasthttp
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
from locust.user.sequential_taskset import SequentialTaskSet
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet, TaskSet
from locust.user.users import PytestUser, User

from loadkit.errors import LoadError, LoadkitError
from loadkit.load.client.session import Session
from loadkit.load.exchange import exchange
from loadkit.load.messages import message
from loadkit.load.patching import wrap
from loadkit.load.plan import Plan
from loadkit.load.quiet import FirstError, quieten
from loadkit.load.targets import Targets

PATIENCE_S = 30.0
"""How long a task may take."""
MOST_REQUESTS = 100
"""How many requests a task may send."""

_UNJUDGED = (
    "no verdict: catch_response=True was asked for, and the block that judges the answer raised "
    "or was never entered"
)
_NEXT = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately)


class _Enough(BaseException):
    """A task is stopped; no ``except Exception`` of the file may hold it up."""


class Sender(Protocol):
    """Anything that takes frames."""

    def send(self, frame: Mapping[str, Any]) -> None: ...


def smoke(plan: Plan, out: Sender) -> None:
    """Sends frames ``user``, ``task``, ``exchange``, ``done`` as things happen, then ``end``.

    ``done`` has what went wrong in the task itself as ``error``; ``end`` has a ``message`` when
    nothing could be tried at all.
    """
    errors = FirstError()
    trouble = None
    try:
        _run_locust(plan, out, errors)
    except SystemExit as error:
        if error.code not in (None, 0):
            trouble = errors.text or f"locust ended with status {error.code}"
    except LoadkitError as error:
        trouble = str(error)
    except Exception as error:
        trouble = f"{type(error).__name__}: {error}"
    out.send({"type": "end", "message": trouble if trouble is None else message(trouble)})


def _run_locust(plan: Plan, out: Sender, errors: FirstError) -> None:
    """Locust's own set-up, with all that the file hangs onto it; then we take over."""
    random.seed(plan.seed)
    Targets(plan.allowed_hosts).install(gevent.socket, socket)
    quieten(errors)
    wrap(LocustArgumentParser, "error", lambda _: _refuse)
    wrap(TaskSet, "wait", lambda _: lambda taskset: gevent.sleep(0))
    wrap(User, "wait", lambda _: lambda user: gevent.sleep(0))
    events: Any = locust.events

    def make(original: Any) -> Any:
        def fire(*args: Any, **kwargs: Any) -> None:
            original(*args, **kwargs)
            if log.unhandled_greenlet_exception:
                raise LoadError(errors.text or "a listener of the init event raised")
            Rehearsal(kwargs["environment"], plan.file, out).run()
            raise SystemExit(0)

        return fire

    wrap(events.init, "fire", make)
    host = ["--host", plan.host] if plan.host else []
    sys.argv = ["locust", "-f", plan.file, "--headless", "--only-summary"]
    sys.argv += ["--loglevel", "WARNING", *host, *plan.locust_args]
    start: Callable[[], None] = locust.main.main
    start()


def _refuse(parser: Any, what: str) -> None:
    raise LoadError(what)


class Rehearsal:
    """The users of one environment, one after the other."""

    def __init__(self, environment: Any, file: str, out: Sender) -> None:
        self._environment = environment
        self._folder = Path(file).resolve().parent
        self._send = out.send
        self._witness = Witness(out)

    def run(self) -> None:
        """All user classes."""
        environment = self._environment
        environment._filter_tasks_by_tags()
        self._witness.install(environment.events.request)
        environment.events.test_start.fire(environment=environment)
        for cls in environment.user_classes:
            if environment.host is not None:
                cls.host = environment.host
            gevent.spawn(self._user, cls).join()
        environment.events.test_stop.fire(environment=environment)

    def _user(self, cls: Any) -> None:
        self._send({"type": "user", "user": cls.__name__})
        made: list[Any] = []
        if not self._step("__init__", lambda: made.append(cls(self._environment)), told=False):
            return
        (user,) = made
        user._greenlet = getcurrent()
        user._state = LOCUST_STATE_RUNNING
        if self._own(user, User, "on_start") and not self._step("on_start", user.on_start):
            return  # what comes after would not have what it needs
        if isinstance(user, PytestUser):
            self._functions(user)
        else:
            user._taskset_instance = DefaultTaskSet(user)
            self._tasks(user._taskset_instance, cls.tasks, ())
        if self._own(user, User, "on_stop"):
            self._step("on_stop", user.on_stop)

    def _own(self, thing: Any, base: type, name: str) -> bool:
        return getattr(type(thing), name) is not getattr(base, name)

    def _functions(self, user: Any) -> None:
        fixtures: list[Any] = []

        def prepare() -> None:
            fixtures.extend(next(f.fixturedef.func(user)) for f in user.functions)

        if self._step("fixtures", prepare, told=False):
            for function, fixture in zip(user.functions, fixtures, strict=True):
                self._step(function.name, _called(function.obj, fixture))

    def _tasks(self, holder: Any, tasks: Any, path: tuple[str, ...]) -> None:
        once = list(tasks) if isinstance(holder, SequentialTaskSet) else list(dict.fromkeys(tasks))
        for task in once:
            where = (*path, getattr(task, "__name__", str(task)))
            if isinstance(task, type) and issubclass(task, TaskSet):
                self._taskset(task, holder, where)
            else:
                self._step(" / ".join(where), _called(holder.execute_task, task))

    def _taskset(self, cls: Any, parent: Any, path: tuple[str, ...]) -> None:
        made: list[Any] = []
        label = " / ".join(path)
        if not self._step(f"{label} / __init__", lambda: made.append(cls(parent)), told=False):
            return
        (taskset,) = made
        if self._own(taskset, TaskSet, "on_start") and not self._step(
            f"{label} / on_start", taskset.on_start
        ):
            return
        self._tasks(taskset, cls.tasks, path)
        if self._own(taskset, TaskSet, "on_stop"):
            self._step(f"{label} / on_stop", taskset.on_stop)

    def _step(self, label: str, call: Callable[[], Any], *, told: bool = True) -> bool:
        """Does one thing and tells how it went; without ``told`` only if it went wrong.

        Returns:
            Whether what builds on it can come.
        """
        if told:
            self._send({"type": "task", "task": label})
        began = time.monotonic()
        error = note = None
        fine = True
        try:
            with self._witness.watching(), _patience():
                call()
        except _NEXT:
            fine = not label.endswith("on_start")
        except StopUser:
            note, fine = "it ends its user", not label.endswith("on_start")
        except StopTest as stop:
            note, fine = "it ends the run", False
            error = message(str(stop)) if str(stop) else None
        except _Enough as enough:
            error, fine = str(enough), False
        except (Exception, GreenletExit, SystemExit) as raised:
            error, fine = self._told(raised), False
        if told or error is not None:
            seconds = time.monotonic() - began
            self._send(
                {"type": "done", "task": label, "seconds": seconds, "error": error, "note": note}
            )
        return fine

    def _told(self, error: BaseException) -> str:
        """Class, message and the place in the file's own folder that it came from."""
        place = ""
        for frame in traceback.extract_tb(error.__traceback__):
            path = Path(frame.filename).resolve()
            if path.is_relative_to(self._folder) and "site-packages" not in path.parts:
                place = f" ({path.relative_to(self._folder)}:{frame.lineno})"
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return message(text + place)


def _called(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    return lambda: function(*args)


@contextmanager
def _patience() -> Iterator[None]:
    enough = _Enough(f"not done after {PATIENCE_S:g} s: given up")
    with gevent.Timeout(PATIENCE_S, enough):
        yield


class Witness:
    """Sees the requests of a task: by ``events.request``, and those that it never tells of."""

    def __init__(self, out: Sender) -> None:
        self._send = out.send
        self._count = 0
        self._open: list[Any] = []

    def install(self, event: Any) -> None:
        """Listens before the file's own hooks, which may stop the user."""
        event._handlers.insert(0, self._on_request)
        for cls in (clients.HttpSession, fasthttp.FastHttpSession, Session):
            wrap(cls, "request", self._watched)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Around one task."""
        self._count = 0
        try:
            yield
        finally:
            unjudged, self._open = self._open, []
            for response in unjudged:
                self._tell(response.request_meta, _answer(response), _UNJUDGED)

    def _watched(self, original: Any) -> Any:
        def request(session: Any, *args: Any, **kwargs: Any) -> Any:
            self._count += 1
            if self._count > MOST_REQUESTS:
                raise _Enough(f"more than {MOST_REQUESTS} requests in one task: given up")
            response = original(session, *args, **kwargs)
            # Locust's clients keep the one, loadkit's the other until there is a verdict.
            if getattr(response, "_catch_response", getattr(response, "_open", False)):
                self._open.append(response)
            return response

        return request

    def _on_request(self, response: Any = None, **meta: Any) -> None:
        self._open = [other for other in self._open if _answer(other) is not response]
        self._tell(meta, response, meta.get("exception"))

    def _tell(self, meta: Mapping[str, Any], response: Any, error: Any) -> None:
        self._send(
            exchange(
                meta.get("request_type", "?"),
                meta.get("name", "?"),
                response=response,
                exception=error,
                response_ms=meta.get("response_time"),
                url=meta.get("url"),
            )
        )


def _answer(response: Any) -> Any:
    """What the event of this answer will have as its response: FastHttpUser wraps it."""
    return response.request_meta.get("response", response)
