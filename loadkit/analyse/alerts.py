"""When alerts went pending, fired and resolved, as Prometheus evaluated them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from loadkit.analyse.context import Context, present, seconds_or_none, text_of
from loadkit.analyse.result import AlertSpell, NotificationResult
from loadkit.analyse.series import Metrics, Series

GAP = 1.5
"""Samples further apart than this many intervals belong to two spells."""

POLL_S = 1.0
DELIVERY_SLACK_S = 0.1


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert rule as the manifest knows it; ``interval_s`` as evaluated in the run."""

    name: str
    severity: str | None
    interval_s: float | None
    pends: bool  # whether it has a `for`


def rules_of(context: Context) -> dict[str, Rule]:
    """The rules that the run's Prometheus evaluated, by name, in their order."""
    stack = context.manifest.stack
    result: dict[str, Rule] = {}
    for alert in stack.get("alerts") or ():
        interval = seconds_or_none(alert.get("interval_s"))
        name = str(alert["name"])
        result[name] = Rule(name, alert.get("severity"), interval, bool(alert.get("for_s")))
    return result


@dataclass(slots=True)
class _Track:
    """Every sighting of one label set."""

    name: str
    labels: dict[str, str]
    seen: dict[float, str] = field(default_factory=dict)  # time → state
    since: dict[float, float] = field(default_factory=dict)  # time → since when, by its own word

    def see(self, at: float, state: str) -> None:
        if self.seen.get(at) != "firing":  # a firing sample outdoes a pending one
            self.seen[at] = state


def alert_spells(context: Context, metrics: Metrics) -> tuple[AlertSpell, ...]:
    """All spells, by beginning; where there are no ``ALERTS`` samples, as the API showed them."""
    rules = rules_of(context)
    series = metrics.select("ALERTS")
    t0_wall = context.manifest.t0_wall_ns
    tracks = _tracks_of_series(
        series, metrics.select("ALERTS_FOR_STATE"), None if t0_wall is None else t0_wall / 1e9
    )
    polled = not tracks
    if polled:
        tracks = _tracks_of_polls(context)
    last_seen = _last_evidence(context, metrics, polled)
    spells: list[AlertSpell] = []
    for track in tracks:
        rule = rules.get(track.name)
        interval = POLL_S if polled else _interval(rule, track)
        pends = rule.pends if rule else True
        for times in _stretches(track, GAP * interval):
            spells.append(_spell(track, times, interval, last_seen, pends))
    spells.sort(key=lambda s: (_beginning(s), s.name, sorted(s.labels.items())))
    return _with_notifications(context, spells)


def _beginning(spell: AlertSpell) -> float:
    known = [t for t in (spell.pending_at, spell.firing_at) if t is not None]
    return min(known, default=spell.active_until)


def _tracks_of_series(
    series: Iterable[Series], for_state: Iterable[Series], t0_wall_s: float | None
) -> list[_Track]:
    tracks: dict[tuple[tuple[str, str], ...], _Track] = {}
    for one in series:
        labels = dict(one.labels)
        state = labels.pop("alertstate", "firing")
        key = tuple(sorted(labels.items()))
        name = labels.pop("alertname", "")
        track = tracks.setdefault(key, _Track(name, labels))
        for at, value in zip(one.t.tolist(), one.v.tolist(), strict=True):
            if value:
                track.see(at, state)
    for one in for_state:
        known = tracks.get(tuple(sorted(one.labels.items())))
        # Where pending samples exist they are the evidence: this one has whole evaluations only.
        if known is None or t0_wall_s is None or "pending" in known.seen.values():
            continue
        for at, value in zip(one.t.tolist(), one.v.tolist(), strict=True):
            known.since[at] = value - t0_wall_s
    return list(tracks.values())


def _tracks_of_polls(context: Context) -> list[_Track]:
    frame = context.run.alert_states
    frame = frame[frame["t_s"].notna()]
    tracks: dict[tuple[str, str], _Track] = {}
    t0_wall = context.manifest.t0_wall_ns
    columns = (frame[name] for name in ("t_s", "alert", "labels", "state", "active_wall_ns"))
    for at, alert, labels, state, active in zip(*columns, strict=True):
        key = (str(alert), text_of(labels))
        if key not in tracks:
            known = json.loads(key[1]) if key[1] else {}
            known.pop("alertname", None)
            tracks[key] = _Track(key[0], {str(k): str(v) for k, v in known.items()})
        tracks[key].see(float(at), str(state))
        if present(active) and t0_wall is not None:
            tracks[key].since[float(at)] = (int(active) - t0_wall) / 1e9
    return list(tracks.values())


def _interval(rule: Rule | None, track: _Track) -> float:
    """Of the rule where it is known, else the smallest distance between sightings."""
    if rule is not None and rule.interval_s:
        return rule.interval_s
    times = sorted(track.seen)
    gaps = [b - a for a, b in pairwise(times)]
    return min(gaps, default=15.0)


def _stretches(track: _Track, gap: float) -> list[list[float]]:
    """Times that belong together: no gap between them, and no way back from firing to pending."""
    result: list[list[float]] = []
    for at in sorted(track.seen):
        if result and at - result[-1][-1] <= gap:
            before = track.seen[result[-1][-1]]
            if not (before == "firing" and track.seen[at] == "pending"):
                result[-1].append(at)
                continue
        result.append([at])
    return result


def _spell(
    track: _Track, times: list[float], interval: float, last_seen: float | None, pends: bool
) -> AlertSpell:
    pending = [t for t in times if track.seen[t] == "pending"]
    firing = [t for t in times if track.seen[t] == "firing"]
    resolved = None
    if firing and last_seen is not None and last_seen >= firing[-1] + GAP * interval:
        resolved = firing[-1] + interval
    return AlertSpell(
        name=track.name,
        labels=track.labels,
        pending_at=_pending_at(track, times, pending, pends),
        firing_at=firing[0] if firing else None,
        resolved_at=resolved,
        notified_at=None,
        notified_resolved_at=None,
        receiver=None,
        active_until=times[-1],
    )


def _pending_at(
    track: _Track, times: list[float], pending: list[float], pends: bool
) -> float | None:
    """The first pending sample; where there is none, since when the alert itself says."""
    if pending:
        # A poll comes after the evaluation that it tells of.
        return min(pending[0], track.since.get(pending[0], pending[0]))
    return track.since.get(times[0]) if pends else None


def _last_evidence(context: Context, metrics: Metrics, polled: bool) -> float | None:
    """The last moment at which an alert would have been seen."""
    if len(metrics.sample_times):
        return float(metrics.sample_times[-1])
    if polled:
        values = context.run.host["t_s"].dropna()
        return float(values.max()) if len(values) else None
    return None


def notification_results(context: Context) -> tuple[NotificationResult, ...]:
    """What was delivered, in order."""
    frame = context.run.notifications.sort_values("t_s", kind="stable")
    frame = frame[frame["t_s"].notna()]
    names = ("receiver", "integration", "status", "alert", "title", "text")
    columns = (frame[name].map(text_of) for name in names)
    return tuple(
        NotificationResult(float(at), *cells)
        for at, *cells in zip(frame["t_s"], *columns, strict=True)
    )


def _with_notifications(context: Context, spells: list[AlertSpell]) -> tuple[AlertSpell, ...]:
    messages = notification_results(context)
    return tuple(_delivered(spell, messages, _next_firing(spell, spells)) for spell in spells)


def _next_firing(spell: AlertSpell, spells: list[AlertSpell]) -> float:
    """When the same label set fires again; its messages are not this spell's."""
    own = spell.firing_at
    later = [
        other.firing_at
        for other in spells
        if other.name == spell.name
        and other.labels == spell.labels
        and other.firing_at is not None
        and own is not None
        and other.firing_at > own
    ]
    return min(later, default=float("inf"))


def _delivered(
    spell: AlertSpell, messages: tuple[NotificationResult, ...], until: float
) -> AlertSpell:
    if spell.firing_at is None:
        return spell
    ours = [m for m in messages if m.alert == spell.name and m.at_s < until - DELIVERY_SLACK_S]
    first = _first(ours, "firing", spell.firing_at)
    ended = spell.active_until if spell.resolved_at is None else spell.resolved_at
    resolved = _first(ours, "resolved", ended)
    return replace(
        spell,
        notified_at=None if first is None else first.at_s,
        notified_resolved_at=None if resolved is None else resolved.at_s,
        receiver=None if first is None else first.receiver,
    )


def _first(
    messages: Iterable[NotificationResult], status: str, since: float
) -> NotificationResult | None:
    return next(
        (m for m in messages if m.status == status and m.at_s >= since - DELIVERY_SLACK_S), None
    )
