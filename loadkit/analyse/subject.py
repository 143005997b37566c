"""Which of the scraped targets is the service under test, and which of them only watch it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from loadkit.analyse.series import Series

INSTRUMENTS = frozenset(
    {"prometheus", "alertmanager", "node", "exporter", "load", "loadkit", "spans", "generator"}
)
"""Words in the names of what measures, to be told from what is measured."""

Identity = tuple[str, frozenset[tuple[str, str]]]
_MOSTLY = 0.5
"""Share of its series from which on an exposition is held to be one that is known already."""

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
_ADDRESS = re.compile(r"^(?:\w+://)?([^/@]*@)?(\[[^]]+\]|[^:/]+):(\d+)")


@dataclass(frozen=True, slots=True)
class Subject:
    """The jobs of the service under test, and all that it may use. No jobs: nothing is known."""

    jobs: frozenset[str]
    around: frozenset[str] = frozenset()  # its database, its queue …: all but what only watches

    def holds(self, series: Series) -> bool:
        """Whether a series is the service's own."""
        return series.job in self.jobs

    def near(self, series: Series) -> bool:
        """Whether a series is the service's own or of something that it may use."""
        return series.job in self.jobs or series.job in self.around

    def watches(self, name: str) -> bool:
        """Whether a job or process is one that measures."""
        return name not in self.jobs and is_instrument(name)


def is_instrument(name: str) -> bool:
    """Whether a name is one of what measures, by its words."""
    return not INSTRUMENTS.isdisjoint(re.split(r"[\W_]+", name.lower()))


def subject(series: Iterable[Series], target: str | None) -> Subject:
    """The jobs scraped at the address that load was sent to; else all that are no instrument."""
    instances: dict[str, set[str]] = {}
    contents: dict[str, set[Identity]] = {}
    for one in series:
        if one.job and ":" not in one.name:
            instances.setdefault(one.job, set()).add(one.labels.get("instance", ""))
            contents.setdefault(one.job, set()).add(_identity(one))
    for job in _twice(instances, contents):
        del instances[job]
    address = _address(target or "")
    here = frozenset(
        job
        for job, known in instances.items()
        if address and any(_same(address, _address(instance)) for instance in known)
    )
    others = frozenset(job for job in instances if not is_instrument(job))
    return Subject(here or others, others)


def _identity(one: Series) -> Identity:
    """A series without what its scraper called it."""
    own = ((k, v) for k, v in one.labels.items() if k not in ("job", "instance"))
    return one.name, frozenset(own)


def _twice(instances: dict[str, set[str]], contents: dict[str, set[Identity]]) -> list[str]:
    """Jobs of expositions that loadkit read itself and a Prometheus read too, which would count
    everything twice. Those of the Prometheus stay: its alerts were evaluated on them."""
    direct = [job for job, known in instances.items() if known == {job}]
    return [
        job
        for job in direct
        if any(
            len(contents[job] & contents[other]) > len(contents[job]) * _MOSTLY
            for other, known in instances.items()
            if other not in direct and _reads(known, job)
        )
    ]


def _reads(instances: set[str], address: str) -> bool:
    wanted = _address(address)
    return wanted is not None and any(_same(wanted, _address(one)) for one in instances)


def _address(text: str) -> tuple[str, str] | None:
    found = _ADDRESS.match(text)
    return (found[2].lower(), found[3]) if found else None


def _same(one: tuple[str, str], other: tuple[str, str] | None) -> bool:
    if other is None or one[1] != other[1]:
        return False
    return one[0] == other[0] or (one[0] in _LOCAL and other[0] in _LOCAL)
