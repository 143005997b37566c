"""What a share of two metrics was over time, target by target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from loadkit.analyse.context import Floats
from loadkit.analyse.roles_families import COUNTER
from loadkit.analyse.roles_saturation import percent
from loadkit.analyse.series import Series, rate
from loadkit.analyse.taken import Taken
from loadkit.model.roles import Choice
from loadkit.model.selector import Share

MOST = 6
"""Series of one share that are drawn, the fullest."""

BOUNDLESS = 1e15
"""A limit above this says that there is none."""

Key = tuple[tuple[str, str], ...]
Resource = tuple[str, str, Floats, Floats]


def resources(choice: Choice, taken: Taken) -> Iterator[Resource]:
    """(name, source, times, ratios) of each thing that a share speaks of."""
    if not isinstance(choice.metric, Share):
        return
    share = choice.metric
    parts = taken.find(share.part, near=True)
    wholes = taken.find(share.whole, near=True) if share.whole else []
    family = taken.family(share.part.name)
    counter = share.part.name.endswith("_total") or (family is not None and family.type == COUNTER)
    source = f"rate of {share}" if counter else str(share)
    groups = _grouped(parts, wholes, counter)
    found = []
    for key, members in groups.items():
        x, y = _summed(members, counter)
        if share.whole is None:
            # Seconds in use of several workers that are counted each for itself.
            y = y / (len(members) if counter else 100.0 if percent(share.part.name) else 1.0)
        else:
            x, y = _of(x, y, _matching(wholes, key))
        found.append((key, x, 1 - y if share.complement else y))
    found = [one for one in found if len(one[1])]
    if len(found) > MOST:
        found = sorted(found, key=lambda one: -float(np.max(one[2])))[:MOST]
    names = _names([key for key, _, _ in found])
    for name, (_, x, y) in zip(names, found, strict=True):
        yield f"{choice.title} ({name})" if name else choice.title, source, x, y


def of_service(choice: Choice, taken: Taken) -> bool:
    """Whether a share is the service's own, not that of something it uses."""
    part = choice.metric.part if isinstance(choice.metric, Share) else choice.metric
    return any(taken.subject.holds(series) for series in taken.find(part, near=True))


def _grouped(
    parts: Sequence[Series], wholes: Sequence[Series], counter: bool
) -> dict[Key, list[Series]]:
    """Series by target and by the labels that the limit has too; the rest is added up."""
    labels = {label for whole in wholes for label in whole.labels}
    if not wholes and not counter:
        labels = {label for part in parts for label in part.labels}
    labels |= {"job", "instance"}
    groups: dict[Key, list[Series]] = {}
    for part in parts:
        key = tuple(sorted((k, v) for k, v in part.labels.items() if k in labels))
        groups.setdefault(key, []).append(part)
    return groups


def _matching(wholes: Sequence[Series], key: Key) -> list[Series]:
    """The limits of a target: those with the same labels, else of its instance, else all."""
    own = dict(key)

    def alike(whole: Series, labels: Sequence[str]) -> bool:
        return all(own.get(k) == whole.labels.get(k) for k in labels if k in own)

    same = [whole for whole in wholes if alike(whole, list(own))]
    return same or [w for w in wholes if alike(w, ["job", "instance"])] or list(wholes)


def _summed(members: Sequence[Series], counter: bool) -> tuple[Floats, Floats]:
    if counter:
        return added([(x, y) for x, y in map(rate, members) if len(x)])
    longest = max(members, key=lambda series: len(series.t))
    total = np.zeros(len(longest.t))
    for one in members:
        total += one.v if one is longest else step_at(one, longest.t)
    return longest.t, total


def _of(x: Floats, y: Floats, wholes: Sequence[Series]) -> tuple[Floats, Floats]:
    if not len(x) or not wholes:
        return np.empty(0), np.empty(0)
    bound = np.sum([step_at(whole, x) for whole in wholes], axis=0)
    known = (bound > 0) & (bound < BOUNDLESS)
    return x[known], y[known] / bound[known]


def added(parts: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Lines added up at the times of the first."""
    if not parts:
        return np.empty(0), np.empty(0)
    x, y = parts[0]
    total = y.copy()
    for other_x, other_y in parts[1:]:
        total += np.interp(x, other_x, other_y)
    return x, total


def over(part: Series, wholes: Sequence[Series]) -> tuple[Floats, Floats]:
    """A gauge over its bound of the same instance, as it was at each sample."""
    same = [w for w in wholes if w.labels.get("instance") == part.labels.get("instance")]
    return _of(part.t, part.v, (same or list(wholes))[:1])


def step_at(series: Series, t: Floats) -> Floats:
    """The last value at or before each time (the first value before there was one)."""
    at = np.clip(np.searchsorted(series.t, t + 1e-6, side="right") - 1, 0, None)
    values: Floats = series.v[at]
    return values


def _names(keys: Sequence[Key]) -> list[str]:
    """What tells them apart: the labels in which they differ; empty for a single one."""
    if len(keys) < 2:
        return [""] * len(keys)
    shared = set.intersection(*(set(key) for key in keys))
    return [", ".join(v for k, v in key if (k, v) not in shared) or "?" for key in keys]
