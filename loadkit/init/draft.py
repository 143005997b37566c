"""What a scenario will hold, before it is text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the scenario takes from the environment variable of this name."""

    variable: str


@dataclass(frozen=True, slots=True)
class Field:
    """A value that an earlier answer gave: an attribute of the user, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A text of which some parts are known only when it is sent."""

    parts: tuple[str | Secret | Field, ...]


Text = str | Secret | Joined
"""What a header, a cookie or a path may be."""

BodyKind = Literal["json", "form", "multipart", "text", "bytes"]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a multipart body."""

    name: str
    content: str | bytes
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: ``value`` is a JSON value, a mapping of fields (a form), a text or bytes.

    In a multipart body the values of ``files`` are beside the fields. Any value within may be a
    Secret.
    """

    kind: BodyKind
    value: Any
    files: Mapping[str, Upload] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Keep:
    """What an answer gives to others: ``field`` of the user, from where in the JSON answer."""

    field: str
    keys: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    ``path`` is percent-encoded and has no query. ``name`` is what it is counted under, if not the
    path. ``wait_s`` is the think time before it, in seconds. ``expect`` is a status of 400 or
    above that is all right; ``follow`` says whether redirects are followed.
    """

    method: str
    path: Text
    name: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Text] = field(default_factory=dict)
    cookies: Mapping[str, Text] = field(default_factory=dict)
    auth: tuple[Text, Text] | None = None
    body: Body | None = None
    wait_s: float = 0.0
    expect: int | None = None
    follow: bool = True
    keeps: tuple[Keep, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A method of the user class.

    ``comments`` are lines above it, of foreign origin. ``needs`` is the field that has to be there
    first and the task that gives it; ``spends`` is a field that is no longer good afterwards.
    """

    name: str
    calls: tuple[Call, ...]
    comments: tuple[str, ...] = ()
    needs: tuple[str, str] | None = None
    spends: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A scenario. ``source`` says what it was made from; ``notes`` are what is left to be done by
    hand, ``left_out`` says what was not taken over; ``headers`` are those of every request.

    ``closed``: visitors who repeat a session, rather than arrivals. ``duration_s`` is that of the
    measured stage.
    """

    source: str
    host: str
    tasks: tuple[Task, ...]
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    headers: Mapping[str, Text] = field(default_factory=dict)
    closed: bool = False
    duration_s: int = 20

    def secrets(self) -> tuple[str, ...]:
        """The environment variables it needs, each once, sorted."""
        return tuple(sorted({s.variable for task in self.tasks for s in _secrets(task.calls)}))

    def fields(self) -> tuple[str, ...]:
        """The attributes of the user that answers fill, each once, in order."""
        calls = (call for task in self.tasks for call in task.calls)
        return tuple(dict.fromkeys(keep.field for call in calls for keep in call.keeps))


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Joined):
        yield from _secrets(value.parts)
    elif isinstance(value, Body):
        yield from _secrets(value.value)
    elif isinstance(value, Call):
        for part in (value.path, value.params, value.headers, value.cookies, value.auth):
            yield from _secrets(part)
        yield from _secrets(value.body)
    elif isinstance(value, Mapping):
        yield from _secrets(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _secrets(one)
