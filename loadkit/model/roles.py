"""What a service's metrics are for: rate, errors, duration and saturation, guessed or said.

The guess itself is ``loadkit.analyse.roles.guess``; here are the words it is told and given in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadkit.errors import UsageError
from loadkit.model.selector import Selector, Share, parse_selector, parse_share

RATE, ERRORS, DURATION, SATURATION = "rate", "errors", "duration", "saturation"
ROLES = (RATE, ERRORS, DURATION, SATURATION)
SECTION = "[signals]"


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What an exposition or Prometheus' metadata says of a metric; a row of ``metric_info``."""

    name: str
    type: str = "unknown"
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Roles:
    """Selectors as texts; empty where nothing is known or said.

    ``rate`` and ``errors`` are counters (or the count of a histogram or summary), ``duration`` a
    histogram or summary without the endings of its series, each of ``saturation`` a share.
    """

    rate: str = ""
    errors: str = ""
    duration: str = ""
    saturation: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, values: Mapping[str, Any], section: str = SECTION) -> Roles:
        """Checks what a settings file or a manifest says; keys that are not there stay empty.

        Raises:
            UsageError: a key is not known, or a value is no selector.
        """
        for key in values:
            if key not in ROLES:
                raise UsageError(
                    f"{key!r} is not known", where=section, remedy=f"It knows {', '.join(ROLES)}."
                )
        texts = {key: _text(values.get(key) or "", f"{section} {key}") for key in ROLES[:3]}
        for key, text in texts.items():
            if text:
                parse_selector(text, f"{section} {key}")
        said = values.get(SATURATION) or ()
        shares = (said,) if isinstance(said, str) else said
        if not isinstance(shares, list | tuple):
            raise UsageError("must be a list of texts", where=f"{section} {SATURATION}")
        for text in shares:
            parse_share(_text(text, f"{section} {SATURATION}"), f"{section} {SATURATION}")
        return cls(texts[RATE], texts[ERRORS], texts[DURATION], tuple(shares))

    def as_dict(self) -> dict[str, Any]:
        """As ``manifest.signals`` keeps it: only what is said."""
        found = {key: getattr(self, key) for key in ROLES}
        return {key: list(v) if isinstance(v, tuple) else v for key, v in found.items() if v}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not a text", where=where)
    return value.strip()


@dataclass(frozen=True, slots=True)
class Choice:
    """What a metric, or a share of two, was taken for, and why."""

    role: str
    metric: Selector | Share
    reason: str
    said: bool = False  # by the user
    kind: str = ""  # duration: histogram, summary or mean; saturation: pool, queue, worker …
    title: str = ""  # saturation: the resource's name

    @property
    def text(self) -> str:
        """As it stands in ``loadkit.toml``."""
        return str(self.metric)


@dataclass(frozen=True, slots=True)
class Guess:
    """The roles of one service's metrics; None or empty where nothing fits."""

    rate: Choice | None = None
    errors: Choice | None = None
    duration: Choice | None = None
    saturation: tuple[Choice, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)  # role → why there is none

    @property
    def choices(self) -> tuple[Choice, ...]:
        """All of them in the order of ``ROLES``."""
        single = (self.rate, self.errors, self.duration)
        return (*(one for one in single if one is not None), *self.saturation)

    @property
    def roles(self) -> Roles:
        """As selectors."""
        rate, errors, duration = (
            "" if one is None else one.text for one in (self.rate, self.errors, self.duration)
        )
        return Roles(rate, errors, duration, tuple(one.text for one in self.saturation))
