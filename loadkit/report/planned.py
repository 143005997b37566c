"""The planned load for a terminal: drawn over time, and counted. Text in, text out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from loadkit.load.allot import Kind
from loadkit.model import Users
from loadkit.report import units
from loadkit.report.columns import table, wrapped
from loadkit.report.outlook import LoadCount, Outlook, StageCount
from loadkit.report.plot import Lane, Mark, plot

NARROWEST = 40
_LABEL = 11
_OPEN, _CLOSED = "36", "35"
_ROWS = {1: 10, 2: 6}
_FEWEST_ROWS = 4
_TASKS = "tasks (weight)"
_RING = "° warm-up, or profiled: no verdict rests on it"


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a user class, and those of a nested task set. ``weight`` None: not known."""

    name: str
    weight: int | None = None
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked at and expected, as the run would: all as text."""

    title: str
    stack: str
    tasks: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    slos: Sequence[str] = ()
    expect: Sequence[str] = ()
    forbid: Sequence[str] = ()
    faults: Sequence[str] = ()
    abort: Sequence[str] = ()


def planned(outlook: Outlook, wanted: Wanted, width: int = 100, colour: bool = False) -> str:
    """Lines of at most ``width`` columns (not below 40), without a newline at the end."""
    width = max(NARROWEST, width)
    parts = [
        _head(outlook, wanted, width, colour),
        "",
        draw(outlook, width, colour),
        "",
        *_stages(outlook, width, colour),
        "",
        *_classes(outlook.classes, outlook.arrivals_by_class, wanted, width, colour),
    ]
    if len(outlook.workers) > 1:
        parts += ["", *_workers(outlook, width, colour)]
    parts += ["", *_expected(wanted, width)]
    return "\n".join(parts)


def draw(outlook: Outlook, width: int, colour: bool = False) -> str:
    """Arrivals a second of each open load, users of each closed one, on one time axis."""
    width = max(NARROWEST, width)
    marks = [
        Mark(count.start_s, count.stage.name, faint=not count.stage.measured)
        for count in outlook.stages
    ]
    return plot(_lanes(outlook), marks, outlook.duration_s, width, colour=colour)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A plain locustfile: Locust's own users. None where nothing was said about it."""

    users: int | None = None
    spawn_rate: float | None = None
    duration_s: float | None = None
    shape: bool = False


def planned_foreign(
    load: Foreign,
    classes: Sequence[Kind],
    wanted: Wanted,
    width: int = 100,
    colour: bool = False,
) -> str:
    """The same for a plain locustfile, as far as it can be told before it runs."""
    width = max(NARROWEST, width)
    parts = [_bold(wanted.title, colour), "", *wrapped(_foreign_words(load), width)]
    if load.duration_s is not None and not load.shape:
        marks = [Mark(0.0, "run")]
        parts += ["", plot([_foreign_lane(load)], marks, load.duration_s, width, colour=colour)]
    parts += ["", *_classes(classes, {}, wanted, width, colour), "", *_expected(wanted, width)]
    return "\n".join(parts)


def _foreign_words(load: Foreign) -> str:
    end = "until it is interrupted"
    if load.duration_s is not None:
        end = f"for {units.span(load.duration_s)}"
    if load.shape:
        end = end if load.duration_s is not None else "as long as it says"
        return f"closed model; a LoadTestShape decides about users while it runs, {end}"
    users, pace = load.users or 1, load.spawn_rate or 1.0
    return (
        f"closed model: {units.count(users)} user{'s' if users != 1 else ''}, "
        f"{units.axis_number(pace)} started a second, {end}; "
        "how many iterations they make depends on the answers"
    )


def _foreign_lane(load: Foreign) -> Lane:
    users, pace = load.users or 1, load.spawn_rate or 1.0
    # The first is there at once, the others follow at the spawn rate.
    return Lane(
        title="users",
        value=lambda begin, end: float(min(users, 1 + int(end * pace))),
        rows=_ROWS[1],
        colour=_CLOSED,
        whole=True,
    )


# -- the drawing --------------------------------------------------------------------------------


def _lanes(outlook: Outlook) -> list[Lane]:
    """One for the loads of each user class and model; a stage has at most one of each."""
    found: dict[tuple[bool, str | None], dict[int, int]] = {}  # stage → place of the load in it
    for index, count in enumerate(outlook.stages):
        for place, load in enumerate(count.stage.loads):
            found.setdefault((load.open, load.user), {})[index] = place
    # Open loads first, those of no class in particular before the others.
    keys = sorted(found, key=lambda key: (not key[0], key[1] or ""))
    return [
        Lane(
            title=_title(is_open, user, alone=len(keys) == 1),
            value=_highest_between(outlook, found[is_open, user]),
            rows=_ROWS.get(len(keys), _FEWEST_ROWS),
            colour=_OPEN if is_open else _CLOSED,
            whole=not is_open,
        )
        for is_open, user in keys
    ]


def _title(is_open: bool, user: str | None, *, alone: bool) -> str:
    title = "arrivals a second" if is_open else "users"
    if user is not None:
        return f"{title} · {user}"
    return title if alone else f"{title} · by weight"


def _highest_between(
    outlook: Outlook, places: Mapping[int, int]
) -> Callable[[float, float], float | None]:
    """The highest value of a lane between two seconds of the run; None where it has no load."""

    def value(begin: float, end: float) -> float | None:
        found = []
        for index, place in places.items():
            count = outlook.stages[index]
            length = count.stage.duration
            low, high = max(begin - count.start_s, 0.0), min(end - count.start_s, length)
            if low < high:
                found.append(_highest(count, place, low, high))
        return max(found) if found else None

    return value


def _highest(count: StageCount, place: int, low: float, high: float) -> float:
    load, length = count.stage.loads[place], count.stage.duration
    if isinstance(load, Users):  # a line: one of its ends is the highest
        return float(max(load.users_at(low / length), load.users_at(high / length)))
    if low == 0.0 and high == length:
        return float(load.highest)
    return count.curves[place].highest(low, high)


# -- words and tables ---------------------------------------------------------------------------


def _head(outlook: Outlook, wanted: Wanted, width: int, colour: bool) -> str:
    number = len(outlook.stages)
    parts = [
        f"{number} stage{'s' if number != 1 else ''} in {units.span(outlook.duration_s)}",
    ]
    if outlook.highest_rate is not None:
        parts.append(
            f"{units.count(outlook.arrivals)} arrivals, at most {_rate(outlook.highest_rate)}"
        )
    parts += [
        f"up to {units.count(outlook.users)} users",
        "no stack" if wanted.stack == "none" else f"{wanted.stack} stack",
    ]
    title = _bold(wanted.title, colour)
    lines = wrapped(" · ".join([wanted.title, *parts]), width)
    return "\n".join([title + lines[0][len(wanted.title) :], *lines[1:]])


def _stages(outlook: Outlook, width: int, colour: bool) -> list[str]:
    heads = ["stage", "start", "length", "load", "arrivals", "highest", "users"]
    named = any(load.load.user for stage in outlook.stages for load in stage.loads)
    if named:
        heads.insert(4, "by")
    rows = []
    for stage in outlook.stages:
        for n, load in enumerate(stage.loads):
            rows.append(_stage_row(stage if n == 0 else None, load, named))
    total = ["in all", "", units.span(outlook.duration_s), ""]
    total += [""] * named
    total += [
        units.count(outlook.arrivals) if outlook.highest_rate is not None else units.UNKNOWN,
        _rate(outlook.highest_rate),
        units.count(outlook.users),
    ]
    lines = table(
        heads,
        [*rows, total],
        width,
        colour,
        left=("stage", "load", "by"),
        flexible="load",
        wraps=True,
        drop=("highest", "start"),
    )
    if not all(count.stage.measured for count in outlook.stages):
        lines += textwrap.wrap(_RING, width, initial_indent="  ", subsequent_indent="    ")
    return lines


def _stage_row(stage: StageCount | None, load: LoadCount, named: bool) -> list[str]:
    first = ["", "", ""]
    if stage is not None:
        place = stage.stage
        name = place.name + ("" if place.measured else " °")
        first = [name, units.clock(stage.start_s), units.span(place.duration)]
    row = [*first, load.words]
    if named:
        row.append(load.load.user or "by weight")
    is_open = load.arrivals is not None
    return [
        *row,
        units.count(load.arrivals),
        _rate(load.highest) if is_open else units.UNKNOWN,
        ("≤ " if is_open else "") + units.count(load.pool),
    ]


def _rate(per_second: float | None) -> str:
    """A planned rate: no digits that nobody wrote."""
    return units.UNKNOWN if per_second is None else f"{units.axis_number(per_second)}/s"


def _classes(
    classes: Sequence[Kind],
    arrivals: Mapping[str, int],
    wanted: Wanted,
    width: int,
    colour: bool,
) -> list[str]:
    heads = ["user class", "weight", "arrivals", _TASKS]
    rows = [
        [
            cls.name,
            f"{cls.fixed} fixed" if cls.fixed else units.axis_number(cls.weight),
            units.count(arrivals.get(cls.name)),
            " · ".join(_task(task) for task in wanted.tasks.get(cls.name, ())),
        ]
        for cls in classes
    ]
    if not any(arrivals.values()):
        heads, rows = heads[:2] + heads[3:], [row[:2] + row[3:] for row in rows]
    return table(
        heads, rows, width, colour, left=("user class", _TASKS), flexible=_TASKS, wraps=True
    )


def _task(task: Task) -> str:
    weight = "" if task.weight is None else f" {task.weight}"
    inside = f" ({', '.join(_task(t) for t in task.tasks)})" if task.tasks else ""
    return f"{task.name}{weight}{inside}"


def _workers(outlook: Outlook, width: int, colour: bool) -> list[str]:
    heads = ["worker", "arrivals", "users"]
    rows = [
        [str(worker.number), units.count(worker.arrivals), units.count(worker.users)]
        for worker in outlook.workers
    ]
    return table(heads, rows, width, colour, left=("worker",))


def _expected(wanted: Wanted, width: int) -> list[str]:
    lines = [
        *_entries("objective", wanted.slos, width),
        *_entries("must fire", wanted.expect, width),
        *_entries("must not", wanted.forbid, width),
        *_entries("fault", wanted.faults, width),
        *_entries("abort", wanted.abort, width),
    ]
    return lines or ["  no objectives, alerts or faults"]


def _entries(label: str, texts: Sequence[str], width: int) -> list[str]:
    lines = []
    for n, text in enumerate(texts):
        first, *rest = wrapped(text, width - 2 - _LABEL)
        lines.append(f"  {label if n == 0 else '':<{_LABEL}}{first}")
        lines += [f"{'':{2 + _LABEL}}{line}" for line in rest]
    return lines


def _bold(text: str, colour: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if colour else text
