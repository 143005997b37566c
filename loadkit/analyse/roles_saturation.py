"""Which metrics tell how full something is: pairs of used and limit, shares, seconds in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadkit.analyse import roles_words as habits
from loadkit.analyse.roles_families import COUNTER, GAUGE, Family
from loadkit.model.roles import SATURATION, Choice
from loadkit.model.selector import Matcher, Selector, Share

MEMORY, CPU, POOL, QUEUE, WORKER = "memory", "CPU", "pool", "queue", "worker"
FILES, DISK, SHARE = "files", "disk", "share"
_TIMES = frozenset({"seconds", "time", "timestamp", "age", "duration", "interval"})
_NAMES = {"process fds": "open files", "process files": "open files"}


@dataclass(frozen=True, slots=True)
class _Side:
    """A gauge as one side of a pair: what is left of its name, and how well it fits."""

    family: Family
    points: int


def saturation(families: Sequence[Family]) -> tuple[Choice, ...]:
    """Everything that tells how full something is, in the order of busy, pairs, shares."""
    return (*busy(families), *pairs(families), *shares(families))


# -- seconds in use -----------------------------------------------------------------------------


def busy(families: Sequence[Family]) -> Iterator[Choice]:
    """Counters of seconds in use, over how many could be used at once where a gauge tells."""
    gauges = {family.name for family in families if family.type == GAUGE}
    for family in families:
        stem = _busy_stem(family)
        if stem is None:
            continue
        endings = ("_size", "_limit", "_max", "_capacity", "_total", "s", "")
        limit = next((stem + end for end in endings if stem + end in gauges), None)
        whole = None if limit is None else Selector(limit)
        why = "counter of seconds in use" + (f", of {limit}" if limit else "")
        share = Share(Selector(family.name), whole)
        yield Choice(SATURATION, share, why, kind=WORKER, title=f"{_spaced(stem)} busy")


def _busy_stem(family: Family) -> str | None:
    if family.type != COUNTER or family.name.startswith(("go_", "node_", "process_")):
        return None
    stem = family.name.removesuffix("_total")
    for ending in ("_time_seconds", "_seconds"):
        for word in habits.BUSY:
            if stem.endswith(f"_{word}{ending}"):
                return stem.removesuffix(f"_{word}{ending}")
    return None


# -- pairs --------------------------------------------------------------------------------------


def pairs(families: Sequence[Family]) -> Iterator[Choice]:
    """A gauge of what is used and one of what there is, told by what their names share."""
    by_name = {family.name: family for family in families}
    known = [(a, b) for a, b in habits.KNOWN_PAIRS if a in by_name and b in by_name]
    taken: set[str] = set()
    for used, limit in known:
        if limit not in taken:
            taken.add(limit)
            yield _pair(by_name[used], by_name[limit], "known pair")
    for members in _by_stem(families, taken):
        yield from _of_stem(members)


def _by_stem(families: Iterable[Family], taken: set[str]) -> list[list[Family]]:
    stems: dict[tuple[str, ...], list[Family]] = {}
    for family in families:
        words = joined(family.words)
        left_out = family.type != GAUGE or family.name in taken or set(words) & _TIMES
        if not left_out and not family.name.startswith(habits.NOT_PAIRED):
            stems.setdefault(_stem(words), []).append(family)
    return [stems[stem] for stem in sorted(stems) if len(stems[stem]) > 1]


def joined(words: Sequence[str]) -> tuple[str, ...]:
    """Words that are one in two parts (``in_use``) as one."""
    result: list[str] = []
    for word in words:
        pair = (result[-1], word) if result else ("", word)
        if pair in habits.JOINED:
            result[-1] = habits.JOINED[pair]
        else:
            result.append(word)
    return tuple(result)


def _stem(words: Sequence[str]) -> tuple[str, ...]:
    said = [
        word
        for word in words
        if word not in habits.USED and word not in habits.LIMITS and word not in habits.FREE
    ]
    plain = tuple(word for word in said if word not in habits.NEUTRAL)
    return plain or tuple(said)


def _of_stem(members: Sequence[Family]) -> Iterator[Choice]:
    """The one share of what these gauges speak of; none when no two of them fit."""
    limits = [side for one in members if (side := _as_limit(one, members))]
    if not limits:
        return
    limit = min(limits, key=lambda side: (-side.points, len(side.family.name))).family
    rest = [one for one in members if one is not limit]
    used = [side for one in rest if (side := _as_used(one, limit))]
    if used:
        best = min(used, key=lambda side: (-side.points, len(side.family.name))).family
        yield _pair(best, limit, "gauges of the same name, one for what is used, one for the limit")
        return
    free = [one for one in rest if set(one.words) & habits.FREE]
    if free:
        best = min(free, key=lambda one: (len(one.name), one.name))
        yield _pair(best, limit, "gauges of the same name, one for what is free", complement=True)


def _as_limit(family: Family, members: Sequence[Family]) -> _Side | None:
    words = joined(family.words)
    used = max((habits.USED.get(word, 0) for word in words), default=0)
    said = max((habits.LIMITS.get(word, 0) for word in words), default=0)
    if set(words) & habits.FREE or "min" in words:
        return None
    if said:
        return _Side(family, said if used < 3 or said > 3 else 0) if said > used else None
    # A bare name is how many there are when another one says how many of them are busy.
    others = [joined(one.words) for one in members if one is not family]
    told = any(max((habits.USED.get(w, 0) for w in other), default=0) >= 3 for other in others)
    return _Side(family, 1) if told and not used else None


def _as_used(family: Family, limit: Family) -> _Side | None:
    words = joined(family.words)
    points = max((habits.USED.get(word, 0) for word in words), default=0)
    if set(words) & habits.FREE or {"min", "desired"} & set(words):
        return None
    either = set(words) & habits.EITHER
    said = max((habits.LIMITS.get(word, 0) for word in words if word not in either), default=0)
    if said > points:
        return None
    bare_limit = not set(joined(limit.words)) & set(habits.LIMITS)
    if not points and (bare_limit or (either and not _strong(limit))):
        return None
    return _Side(family, 2 * points + (1 if either else 0))


def _strong(limit: Family) -> bool:
    return any(habits.LIMITS.get(word, 0) >= 4 for word in limit.words)


def _pair(used: Family, limit: Family, why: str, complement: bool = False) -> Choice:
    matchers = () if complement else _used_only(used)
    share = Share(Selector(used.name, matchers), Selector(limit.name), complement)
    return Choice(SATURATION, share, why, kind=kind_of(used.words), title=title_of(used))


def _used_only(family: Family) -> tuple[Matcher, ...]:
    """Where one gauge tells used and idle apart by a label, only what is used."""
    for label in ("state", "status"):
        values = family.labels.get(label, frozenset())
        used = sorted(value for value in values if value in ("used", "active", "busy", "in_use"))
        if used and len(values) > 1:
            return (Matcher(label, "=", used[0]),)
    return ()


# -- shares -------------------------------------------------------------------------------------


def shares(families: Sequence[Family]) -> Iterator[Choice]:
    """Gauges that are a share of something already."""
    for family in families:
        words = set(family.words)
        cpu = family.type == GAUGE and family.name.endswith("_cpu_usage")
        if family.type != GAUGE or not (cpu or family.words[-1] in habits.SHARES):
            continue
        if words & habits.NOT_SHARES or family.name.startswith(habits.NOT_PAIRED):
            continue
        title = " ".join(w for w in family.words if w not in habits.SHARES and w != "usage")
        title = title.replace("cpu", "CPU")
        why = "gauge of a CPU's share in use" if cpu else f"gauge named …_{family.words[-1]}"
        share = Share(Selector(family.name))
        kind = kind_of(family.words)
        kind = SHARE if kind == POOL and "pool" not in words else kind
        yield Choice(SATURATION, share, why, kind=kind, title=title)


def percent(name: str) -> bool:
    """Whether a gauge counts to 100 rather than to 1."""
    return name.endswith(("_percent", "_percentage"))


# -- names --------------------------------------------------------------------------------------

_KINDS: Mapping[str, frozenset[str]] = {
    QUEUE: frozenset({"queue", "queued", "backlog", "buffer"}),
    FILES: frozenset({"fds", "files", "fd", "filefd"}),
    DISK: frozenset({"disk", "filesystem", "storage", "volume"}),
    MEMORY: frozenset({"memory", "heap", "bytes", "mem"}),
    CPU: frozenset({"cpu"}),
    WORKER: frozenset({"worker", "workers", "thread", "threads", "executor"}),
}


def kind_of(words: Iterable[str]) -> str:
    """What sort of resource a name speaks of."""
    said = set(words)
    return next((kind for kind, names in _KINDS.items() if said & names), POOL)


def title_of(family: Family) -> str:
    """The resource's name: what is left of the gauge's without the word for used."""
    words = joined(family.words)
    kept = [w for w in words if w not in habits.USED and w not in habits.EITHER | habits.FREE]
    while kept and kept[-1] == "bytes":
        kept.pop()
    title = " ".join(dict.fromkeys(kept or words))
    return _NAMES.get(title, title)


def _spaced(name: str) -> str:
    return name.replace("_", " ")
