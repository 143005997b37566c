"""What the metrics of a run were taken for: the guess, with the user's corrections laid over it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from loadkit.analyse import roles_requests as requests
from loadkit.analyse.accounting import Flow
from loadkit.analyse.context import Context
from loadkit.analyse.result import RoleResult
from loadkit.analyse.roles import catalogue, guess_families
from loadkit.analyse.roles_families import COUNTER, HISTOGRAM, Family
from loadkit.analyse.roles_saturation import kind_of, title_of
from loadkit.analyse.series import Metrics, Series, increase
from loadkit.analyse.subject import Subject, subject
from loadkit.errors import UsageError
from loadkit.model.roles import DURATION, ERRORS, RATE, ROLES, SATURATION, Choice, Guess, Roles
from loadkit.model.selector import Selector, parse_selector, parse_share

SAID = "as [signals] says"
_NEAR = 3


@dataclass(frozen=True, slots=True)
class Unknown:
    """A correction that names a metric which is not there, and names that are near."""

    setting: str
    name: str
    near: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """Choices, and how to find the series they mean."""

    metrics: Metrics
    subject: Subject
    families: tuple[Family, ...]  # of the service
    guess: Guess
    unknown: tuple[Unknown, ...] = ()

    def find(self, selector: Selector, *, near: bool = False) -> list[Series]:
        """The service's series that are meant; those of others where it has none of that name.

        ``near``: and those of what it may use.
        """
        theirs = self.subject.near if near else self.subject.holds
        own = [s for s in self.metrics.select(selector.name) if theirs(s)]
        return [s for s in own or self.metrics.select(selector.name) if selector.holds(s.labels)]

    def family(self, name: str) -> Family | None:
        """A family of the service by its name, or by that of one of its series."""
        return next((f for f in self.families if name in (f.name, f.counter)), None)


def take(context: Context, metrics: Metrics, flow: Flow) -> Taken:
    """Guesses from everything the run knows, then does what ``manifest.signals`` says."""
    found = subject(metrics, context.manifest.target)
    own = [series for series in metrics if found.holds(series)]
    families = catalogue(metrics.infos, ((series.name, series.labels) for series in own))
    sent = flow.total("sent") or None
    near = ((series.name, series.labels) for series in metrics if found.near(series))
    around = catalogue(metrics.infos, near)
    guessed = guess_families(families, _growth(own, context.reached_s), sent, around)
    taken = Taken(metrics, found, families, guessed)
    try:
        said = Roles.from_settings(context.manifest.signals)
    except UsageError:  # of a later loadkit: what it means is not known here
        return taken
    return _corrected(taken, said)


def _growth(series: Iterable[Series], end_s: float) -> dict[str, float]:
    counters: dict[str, float] = {}
    for one in series:
        if one.name.endswith(("_total", "_count")):
            counters[one.name] = counters.get(one.name, 0.0) + increase(one, 0.0, end_s + 1.0)
    return counters


def _corrected(taken: Taken, said: Roles) -> Taken:
    unknown: list[Unknown] = []
    guess = taken.guess
    if said.rate and (choice := _request_role(taken, RATE, said.rate, unknown)):
        guess = replace(guess, rate=choice, errors=requests.errors(taken.families, choice))
    if said.errors and (choice := _request_role(taken, ERRORS, said.errors, unknown)):
        guess = replace(guess, errors=choice)
    if said.duration and (choice := _duration(taken, said.duration, unknown)):
        guess = replace(guess, duration=choice)
    if said.saturation:
        shares = tuple(_shares(taken, said.saturation, unknown))
        guess = replace(guess, saturation=shares or guess.saturation)
    missing = {
        role: why
        for role, why in guess.missing.items()
        if not getattr(guess, role)
    }  # fmt: skip
    return replace(taken, guess=replace(guess, missing=missing), unknown=tuple(unknown))


def _request_role(taken: Taken, role: str, text: str, unknown: list[Unknown]) -> Choice | None:
    selector = parse_selector(text, role)
    if not taken.metrics.select(selector.name):
        counted = replace(selector, name=f"{selector.name}_count")  # of a histogram, say
        if not taken.metrics.select(counted.name):
            unknown.append(_unknown(taken, role, selector.name))
            return None
        selector = counted
    return Choice(role, selector, SAID, said=True)


def _duration(taken: Taken, text: str, unknown: list[Unknown]) -> Choice | None:
    selector = parse_selector(text, DURATION)
    base = selector.name
    for ending in ("_bucket", "_count", "_sum"):
        base = base.removesuffix(ending)
    names = taken.metrics
    if names.select(f"{base}_bucket"):
        kind = HISTOGRAM
    elif any("quantile" in series.labels for series in names.select(base)):
        kind = "summary"
    elif names.select(f"{base}_sum") and names.select(f"{base}_count"):
        kind = "mean"
    else:
        unknown.append(_unknown(taken, DURATION, selector.name))
        return None
    return Choice(DURATION, replace(selector, name=base), SAID, said=True, kind=kind)


def _shares(taken: Taken, texts: Iterable[str], unknown: list[Unknown]) -> Iterable[Choice]:
    for text in texts:
        share = parse_share(text, SATURATION)
        sides = [share.part] + ([share.whole] if share.whole else [])
        lacking = [side.name for side in sides if not taken.metrics.select(side.name)]
        if lacking:
            unknown += [_unknown(taken, SATURATION, name) for name in lacking]
            continue
        family = Family(share.part.name, COUNTER)
        yield Choice(
            SATURATION, share, SAID, said=True,
            kind=kind_of(family.words), title=title_of(family),
        )  # fmt: skip


def role_results(taken: Taken) -> tuple[RoleResult, ...]:
    """For the report: what was found in the order of the roles, then what was not.

    Empty when no metrics of the service are known, as there is nothing to take for anything.
    """
    if not taken.families and not taken.guess.choices:
        return ()
    found = [RoleResult(c.role, c.text, c.reason, c.said) for c in taken.guess.choices]
    found += [RoleResult(role, None, why) for role, why in taken.guess.missing.items()]
    return tuple(sorted(found, key=lambda one: ROLES.index(one.role)))


def _unknown(taken: Taken, setting: str, name: str) -> Unknown:
    near = difflib.get_close_matches(name, taken.metrics.names, n=_NEAR, cutoff=0.6)
    return Unknown(setting, name, tuple(near))
