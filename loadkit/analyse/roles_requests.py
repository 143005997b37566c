"""Which metrics are the rate, the errors and the duration of what is asked of a service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loadkit.analyse import roles_words as habits
from loadkit.analyse.roles_families import COUNTER, GAUGE, HISTOGRAM, SUMMARY, Family
from loadkit.model.roles import DURATION, ERRORS, RATE, Choice
from loadkit.model.selector import Matcher, Selector

ENOUGH = 3
"""A candidate with fewer points than this is not taken."""

GRPC_FAILURES = "(?i:unknown|deadline_?exceeded|unimplemented|internal|unavailable|data_?loss)"
_GOOD = frozenset(
    {
        *("", "ok", "success", "succeeded", "successful", "true", "none", "good", "accepted"),
        *("completed", "done", "processed", "informational", "redirection", "client_error"),
        *("hit", "miss", "unknown_path", "created", "handled"),
    }
)
_BAD = (
    *("error", "fail", "exception", "timeout", "timed_out", "reject", "abort", "crash", "fault"),
    *("server_error", "unavailable", "dropped", "cancel"),
)


@dataclass(frozen=True, slots=True)
class _Scored:
    """A candidate with its points and what they are for."""

    family: Family
    points: int
    reasons: tuple[str, ...]


# -- rate ---------------------------------------------------------------------------------------


def rate(
    families: Sequence[Family], growth: Mapping[str, float], requests: float | None
) -> Choice | None:  # fmt: skip
    """The counter of requests; None without one that deserves the name.

    Args:
        families: those of the service.
        growth: series name → how much it grew over the load; empty when not known.
        requests: how many the load sent meanwhile.
    """
    scored = [one for family in families if (one := _as_rate(family, growth, requests))]
    best = _best(scored)
    if best is None:
        return None
    return Choice(RATE, Selector(best.family.counter), ", ".join(best.reasons))


def _as_rate(
    family: Family, growth: Mapping[str, float], requests: float | None
) -> _Scored | None:  # fmt: skip
    if not _of_users(family):
        return None
    words = set(family.words)
    if family.type == COUNTER and words & habits.NOT_REQUESTS:
        return None
    if family.type != COUNTER and (not _times(family) or words & habits.FAILURES):
        return None
    points = sum(sorted((habits.REQUESTS.get(word, 0) for word in words), reverse=True)[:2])
    if not points:
        return None
    reasons = [family.type if family.type == COUNTER else f"count of a {family.type}"]
    for weight, names in ((3, habits.STATUS_LABELS + habits.GRPC_LABELS + habits.OUTCOME_LABELS),
                          (2, habits.PATH_LABELS), (1, habits.METHOD_LABELS)):  # fmt: skip
        label = _first(names, family.labels)
        if label:
            points += weight
            reasons.append(f"label {label}")
    if family.type == COUNTER:
        points += 1
    told = _by_growth(family.counter, growth, requests)
    word = max(words, key=lambda w: (habits.REQUESTS.get(w, 0), w))
    reasons += [f"named …{word}…", *([told[1]] if told and told[1] else [])]
    points += told[0] if told else 0
    return _Scored(family, points, tuple(reasons))


def _by_growth(
    series: str, growth: Mapping[str, float], requests: float | None
) -> tuple[int, str] | None:  # fmt: skip
    """What the run says of a counter: one that grew as the load sent counts what was sent."""
    if not growth or not requests:
        return None
    grew = growth.get(series, 0.0)
    if grew <= 0:
        return -4, ""
    if 0.7 <= grew / requests <= 1.5:
        return 4, f"grew by {grew:,.0f} while {requests:,.0f} requests were sent"
    return (-2, "") if grew < 0.2 * requests else (0, "")


# -- errors -------------------------------------------------------------------------------------


def errors(families: Sequence[Family], chosen: Choice | None) -> Choice | None:
    """What counts failures: label values of the rate, else a counter of its own."""
    if chosen is None or not isinstance(chosen.metric, Selector):
        return None
    by_name = {family.counter: family for family in families if family.counts}
    own = by_name.get(chosen.metric.name)
    if own is not None:
        for candidate in (own, *_siblings(own, families)):
            found = _by_label(candidate)
            if found is not None:
                return found
    return _by_counter(families, chosen.metric.name)


def _siblings(own: Family, families: Iterable[Family]) -> list[Family]:
    """Other counts of requests of the same make."""
    prefix = own.words[0]
    return [
        family
        for family in families
        if family.counts and family is not own and family.words[0] == prefix and _of_users(family)
        and not set(family.words) & habits.NOT_REQUESTS - {"seconds"}
        and any(habits.REQUESTS.get(word, 0) >= 3 for word in family.words)
        and _times_or_counts(family)
    ]  # fmt: skip


def _by_label(family: Family) -> Choice | None:
    for label in habits.STATUS_LABELS:
        values = family.labels.get(label)
        if values and any(value[:1].isdigit() for value in values):
            selector = Selector(family.counter, (Matcher(label, "=~", "5.."),))
            return Choice(ERRORS, selector, f"label {label} has status codes; 5xx are errors")
    grpc = [*habits.GRPC_LABELS, "code"]
    for label in grpc:
        if {"OK", "Ok"} & family.labels.get(label, frozenset()):
            selector = Selector(family.counter, (Matcher(label, "=~", GRPC_FAILURES),))
            return Choice(ERRORS, selector, f"label {label} has gRPC codes; a server's are errors")
    for label in (*habits.OUTCOME_LABELS, *habits.STATUS_LABELS):
        found = _by_outcome(family, label)
        if found is not None:
            return found
    return None


def _by_outcome(family: Family, label: str) -> Choice | None:
    values = family.labels.get(label)
    if not values:
        return None
    if {value.lower() for value in values} <= {"true", "false"}:
        bad = "false" if label == "success" else "true"
        matcher = Matcher(label, "=~", "|".join({bad, bad.capitalize()} & values or {bad}))
        return Choice(ERRORS, Selector(family.counter, (matcher,)), f"label {label} is {bad}")
    good = {value for value in values if value.lower() in _GOOD}
    failing = sorted(
        value
        for value in values
        if value not in good
        and (label in ("exception", "error", "error_type") or _fails(value.lower()))
    )
    if failing:
        matcher = (
            Matcher(label, "=", failing[0])
            if len(failing) == 1
            else Matcher(label, "=~", "|".join(map(_literal, failing)))
        )
        return Choice(
            ERRORS,
            Selector(family.counter, (matcher,)),
            f"values of label {label} that say so: {', '.join(failing[:4])}",
        )
    if good and label in ("outcome", "result", "status", "success"):
        pattern = "(?i:(error|fail|exception|timeout|reject|abort|server_error).*)"
        return Choice(
            ERRORS,
            Selector(family.counter, (Matcher(label, "=~", pattern),)),
            f"label {label} tells success; no failure was seen",
        )
    return None


def _fails(value: str) -> bool:
    return value == "ko" or value.startswith(_BAD) or value.endswith(("error", "_failed"))


def _literal(value: str) -> str:
    return "".join(f"\\{c}" if c in ".+*?()[]{}|^$\\" else c for c in value)


def _by_counter(families: Sequence[Family], rate_name: str) -> Choice | None:
    """A counter of failures whose name has most in common with the rate's."""
    own = rate_name.split("_")
    best: tuple[int, int, str] | None = None
    for family in families:
        words = family.words
        if family.type != COUNTER or not set(words) & habits.FAILURES or not _of_users(family):
            continue
        common = _common(own, words)
        if common:
            key = (-common, len(words), family.name)
            best = key if best is None or key < best else best
    if best is None:
        return None
    return Choice(ERRORS, Selector(best[2]), "counter of failures that shares the rate's name")


# -- duration -----------------------------------------------------------------------------------


def duration(families: Sequence[Family], chosen: Choice | None) -> Choice | None:
    """The histogram or summary of how long requests took; None without one."""
    name = str(chosen.metric) if chosen else ""
    scored = [one for family in families if (one := _as_duration(family, name))]
    best = _best(scored)
    if best is None:
        return None
    family = best.family
    kind = family.type if family.type == HISTOGRAM or family.quantiles else "mean"
    return Choice(DURATION, Selector(family.name), ", ".join(best.reasons), kind=kind)


def _as_duration(family: Family, rate_name: str) -> _Scored | None:
    words = set(family.words)
    if family.type not in (HISTOGRAM, SUMMARY) or not _of_users(family) or not _times(family):
        return None
    if words & habits.FAILURES or words & {"size", "bytes", "gc", "wait", "lag"}:
        return None
    timed = max((habits.DURATIONS.get(word, 0) for word in words), default=0)
    asked = max((habits.REQUESTS.get(word, 0) for word in words), default=0)
    if not asked and not rate_name.startswith(family.words[0]):
        return None
    points = timed + asked
    shape = family.type if family.type == HISTOGRAM or family.quantiles else "count and sum"
    reasons = [shape, f"unit {_unit(family) or 'seconds, by its name'}"]
    if family.type == HISTOGRAM:
        points += 2
    if shape == "count and sum":
        points -= 2
    if rate_name == family.counter:
        points += 4
        reasons.append("its count is the rate")
    elif rate_name:
        common = _common(rate_name.split("_"), family.words)
        points += min(common, 3)
        if common:
            reasons.append("shares its name with the rate")
    label = _first(habits.PATH_LABELS, family.labels)
    if label:
        points += 2
        reasons.append(f"label {label}")
    return _Scored(family, points, tuple(reasons))


def scale(family: Family | None) -> float:
    """Seconds of one unit of a duration; 1 where the name does not say otherwise."""
    return habits.SCALES.get(_unit(family) or "seconds", 1.0) if family else 1.0


def _unit(family: Family) -> str:
    if family.unit in habits.SCALES:
        return family.unit
    return next((word for word in reversed(family.words) if word in habits.SCALES), "")


def _times(family: Family) -> bool:
    words = set(family.words)
    return bool(_unit(family) or words & set(habits.DURATIONS)) and "bytes" not in words


def _times_or_counts(family: Family) -> bool:
    return family.type == COUNTER or _times(family)


# -- shared -------------------------------------------------------------------------------------


def _of_users(family: Family) -> bool:
    """Whether it can be about what users ask for: no runtime, nothing that the service asks."""
    if family.type == GAUGE or family.name.startswith(habits.RUNTIME):
        return False
    return not set(family.words) & habits.OUTWARD


def _best(scored: Sequence[_Scored]) -> _Scored | None:
    good = [one for one in scored if one.points >= ENOUGH]
    return min(
        good, key=lambda one: (-one.points, len(one.family.name), one.family.name), default=None
    )


def _first(names: Iterable[str], labels: Mapping[str, frozenset[str]]) -> str:
    return next((name for name in names if name in labels), "")


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count
