"""What a scenario file declares, without running it."""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import locust.argument_parser as locust_arguments
import locust.main
from locust.contrib.fasthttp import FastHttpUser
from locust.main import merge_locustfiles_content
from locust.user.users import HttpUser

from loadkit.errors import LoadkitError, ScenarioError, UsageError
from loadkit.load import secrets
from loadkit.load.endless import refuse_endless
from loadkit.load.patching import wrap
from loadkit.model import Scenario
from loadkit.scenario.classes import check_users
from loadkit.scenario.codec import from_dict, to_dict
from loadkit.scrub import scrub

_USER_REMEDY = (
    "Declare at least one class with tasks, for example a subclass of locust.FastHttpUser."
)


def describe(file: str, locust_args: Sequence[str]) -> dict[str, Any]:
    """The answer to ``describe``: what the file declares, or what is wrong with it and where."""
    try:
        return _describe(file, locust_args)
    except LoadkitError as error:
        what, where, remedy = scrub(error.what), error.where, error.remedy
        return {"ok": False, "error": {"what": what, "where": where, "remedy": remedy}}


def _describe(file: str, locust_args: Sequence[str]) -> dict[str, Any]:
    path = Path(file)
    if not path.is_file():
        raise ScenarioError("there is no such file", where=file, remedy="Give a Python file.")
    before = set(sys.modules)
    users, shape = _load(file)
    scenario = _scenario(path, before)
    if not users:
        raise ScenarioError("the file declares no users", where=file, remedy=_USER_REMEDY)
    for cls in users.values():
        if not cls.tasks and not getattr(cls, "functions", None):
            raise ScenarioError(
                f"user {cls.__name__} has no tasks", where=file, remedy=_USER_REMEDY
            )
    if scenario is not None:
        _check(scenario, users, file)
    return {
        "ok": True,
        "scenario": to_dict(scenario) if scenario is not None else None,
        "users": [_user(cls) for cls in users.values()],
        "shape": shape is not None,
        "options": _options(file, locust_args),
        "secrets": secrets.taken(),
    }


def _check(scenario: Scenario, users: Mapping[str, Any], file: str) -> None:
    """The users fit the scenario."""
    try:
        check_users(scenario, list(users))
        refuse_endless(users.values())
    except ScenarioError as error:
        where = _shown(error.where, file) if error.where else file
        raise ScenarioError(error.what, where=where, remedy=error.remedy) from None


def _load(file: str) -> tuple[Mapping[str, Any], Any]:
    wrap(locust.main, "load_locustfile_pytest", _only_with_tests)
    try:
        classes, _, _, shape = merge_locustfiles_content([file])
    except SyntaxError as error:
        where = f"{error.filename or file}:{error.lineno or 0}"
        raise ScenarioError(f"syntax error: {error.msg}", where=_shown(where, file)) from error
    except LoadkitError as error:
        raise ScenarioError(
            error.what, where=error.where or _line_of(error, file), remedy=error.remedy
        ) from error
    except SystemExit as error:
        raise ScenarioError(f"the file ended the process ({error.code})", where=file) from error
    except ImportError as error:
        raise ScenarioError(
            f"import failed: {error}",
            where=_line_of(error, file),
            remedy="Install the module into the environment loadkit runs in.",
        ) from error
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ScenarioError(what, where=_line_of(error, file)) from error
    return classes, shape


def _only_with_tests(load: Callable[[str], Mapping[str, Any]]) -> Callable[[str], Any]:
    """Locust makes users of a file's test functions, with pytest; without any it need not start,
    which would leave a cache in the user's folder."""

    def loaded(path: str) -> Mapping[str, Any]:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        return load(path) if "def test_" in text else {}

    return loaded


def _line_of(error: BaseException, file: str) -> str:
    """``file:line`` of the call in the file that led to the error."""
    wanted = Path(file).resolve()
    line = None
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).resolve() == wanted:
            line = frame.lineno
    return f"{file}:{line}" if line is not None else file


def _shown(where: str, file: str) -> str:
    """A place with the file's name as it was given."""
    name, _, line = where.rpartition(":")
    return f"{file}:{line}" if Path(name).resolve() == Path(file).resolve() else where


def _scenario(path: Path, before: set[str]) -> Scenario | None:
    name = path.stem if path.stem != "locust" else "locustfile"
    module = sys.modules.get(name)
    found: dict[int, tuple[str, Scenario]] = {}
    for key, value in vars(module).items() if module is not None else ():
        if isinstance(value, Scenario):
            found.setdefault(id(value), (key, value))
    if len(found) > 1:
        names = " and ".join(repr(key) for key, _ in found.values())
        raise ScenarioError(
            f"the file declares more than one Scenario: {names}",
            where=str(path),
            remedy="Keep one; give the others files of their own.",
        )
    if not found:
        return None
    ((_, scenario),) = found.values()
    if scenario.name is not None:
        return scenario
    return from_stem(scenario, path)


def from_stem(scenario: Scenario, path: Path) -> Scenario:
    """The scenario, named after its file."""
    return from_dict({**to_dict(scenario), "name": path.stem})


def _user(cls: Any) -> dict[str, Any]:
    return {
        "name": cls.__name__,
        "host": cls.host,
        "weight": cls.weight,
        "fixed_count": int(getattr(cls, "fixed_count", 0) or 0),
        "tasks": list(dict.fromkeys(getattr(t, "__name__", str(t)) for t in cls.tasks)),
        "tree": _tree(cls.tasks),
        "known": issubclass(cls, HttpUser | FastHttpUser)
        or bool(getattr(cls, "loadkit_counts", False)),
    }


def _tree(tasks: Any) -> list[dict[str, Any]]:
    """Tasks with their weights, each once, nested ones below theirs."""
    return [
        {
            "name": getattr(task, "__name__", str(task)),
            "weight": count,
            "tasks": _tree(getattr(task, "tasks", ())),
        }
        for task, count in Counter(tasks).items()
    ]


def _options(file: str, locust_args: Sequence[str]) -> list[str]:
    """Names of the arguments that the file adds; all given ones are checked.

    Raises:
        UsageError: Locust or the file knows no such argument, or its value is wrong.
    """
    own = locust_arguments.get_empty_argument_parser()
    set_up: Any = locust_arguments.setup_parser_arguments
    set_up(own)
    parser = locust_arguments.get_parser()
    standard = {option for action in own._actions for option in action.option_strings}
    added = [
        action.option_strings[-1]
        for action in parser._actions
        if action.option_strings and not standard.intersection(action.option_strings)
    ]
    wrap(locust_arguments.LocustArgumentParser, "error", lambda _: _refuse)
    parser.parse_args(["-f", file, *locust_args])
    return added


def _refuse(parser: Any, message: str) -> None:
    what, _, hint = message.partition("\n")
    raise UsageError(what, remedy=hint or None)
