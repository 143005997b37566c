"""Tables of the report: values already formatted, with how a column is set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadkit.analyse.result import (
    AlertResult,
    AlertSpell,
    Analysis,
    OperationResult,
    Percentiles,
    StageResult,
)
from loadkit.report import units
from loadkit.report.charts.address import window_link
from loadkit.report.charts.frame import fault_label


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, how it looks, and what a pointer resting on it is told."""

    text: str
    css: str = ""
    title: str = ""
    href: str = ""  # of a window of the charts: for those with scripts only


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; ``css`` is ``num`` for numbers, ``wide`` for texts that may wrap."""

    name: str
    css: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the caption is read out and printed."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def _num(name: str, title: str = "") -> Column:
    return Column(name, "num", title)


_TIMES = tuple(_num(name) for name in ("p50", "p90", "p95", "p99", "p99.9", "max"))


def _times(values: Percentiles) -> tuple[Cell, ...]:
    shown = (values.p50, values.p90, values.p95, values.p99, values.p999, values.max)
    return tuple(Cell(units.duration(value)) for value in shown)


def status(word: str, analysis: Analysis) -> Cell:
    """A verdict as a coloured word; one that only the end can give is open until then."""
    if word == "inconclusive" and analysis.state == "running":
        word = "open"
    return Cell(word, f"status {word}")


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Table:
    """A table from rows of cells."""
    return Table(caption, tuple(columns), tuple(tuple(row) for row in rows))


def _plan(stage: StageResult) -> str:
    if stage.load:
        return stage.load
    if stage.planned_rate is not None:
        first, last = (units.rate(value) for value in stage.planned_rate)
    elif stage.users is not None:
        first, last = (f"{value:,} users" for value in stage.users)
    else:
        return units.UNKNOWN
    return first if first == last else f"{first} → {last}"


def _failures(ratio: float | None, failures: int) -> Cell:
    return Cell(units.percent(ratio), "bad" if failures else "", f"{failures:,} failed")


def stages(analysis: Analysis) -> Table:
    """One row a stage, over all operations."""
    rows = [
        (
            Cell(stage.name, "key"),
            Cell("yes" if stage.measured else "warm-up" if stage.warmup else "profile", "dim"),
            Cell(units.clock(stage.start_s)),
            Cell(units.span(stage.duration_s)),
            Cell(_plan(stage)),
            Cell(units.rate(stage.achieved)),
            Cell(units.count(stage.count)),
            _failures(stage.error_ratio, stage.failures),
            *_times(stage.response),
        )
        for stage in analysis.stages
    ]
    columns = (
        Column("stage"),
        Column("measured"),
        _num("from"),
        _num("for"),
        Column("planned", "wide" if any(stage.load for stage in analysis.stages) else "num"),
        _num("achieved"),
        _num("requests"),
        _num("errors"),
        *_TIMES,
    )
    return table("Response time over all operations, by stage", columns, rows)


def objectives(analysis: Analysis) -> Table:
    """One row an objective and stage."""
    rows = [
        (
            status(result.verdict.status.value, analysis),
            Cell(result.slo, "key"),
            Cell(result.stage),
            Cell(result.verdict.observed),
            Cell(units.clock(result.first_bad_s)),
        )
        for result in analysis.slos
    ]
    columns = (
        Column("verdict"),
        Column("objective", "wide"),
        Column("stage"),
        _num("observed"),
        _num("missed from", "first second in which the objective was missed"),
    )
    return table("Objectives", columns, rows)


def _operation(result: OperationResult, measure: str) -> tuple[Cell, ...]:
    values = result.response if measure == "response" else result.service
    ratio = result.failures / result.count if result.count else None
    return (
        Cell(result.operation, "key", result.operation),
        Cell(units.count(result.count)),
        _failures(ratio, result.failures),
        *_times(values),
    )


def operations(analysis: Analysis, measure: str) -> tuple[tuple[str, Table], ...]:
    """A table a stage, one row an operation; ``measure`` is response or service."""
    names = dict.fromkeys(result.stage for result in analysis.operations)
    columns = (Column("operation", "wide"), _num("requests"), _num("errors"), *_TIMES)
    return tuple(
        (
            name,
            table(
                f"{measure.capitalize()} time by operation in {name}",
                columns,
                [_operation(r, measure) for r in analysis.operations if r.stage == name],
            ),
        )
        for name in names
    )


def errors(analysis: Analysis) -> Table:
    """One row a kind of failure and operation."""
    rows = [
        (
            Cell(kind.kind, "key"),
            Cell(kind.operation),
            Cell(units.count(kind.count)),
            Cell(units.clock(kind.first_s, 1)),
            Cell(kind.message or units.UNKNOWN, "message"),
        )
        for kind in analysis.errors
    ]
    columns = (
        Column("kind"),
        Column("operation", "wide"),
        _num("count"),
        _num("first at"),
        Column("message", "wide"),
    )
    return table("Failures by kind, over all stages", columns, rows)


def alerts(analysis: Analysis) -> Table:
    """One row a spell; an alert that was never active has a row of its own."""
    rows = [
        row
        for alert in analysis.alerts
        for row in (_spells(alert, analysis) or [_silent(alert, analysis)])
    ]
    columns = (
        Column("verdict"),
        Column("alert", "wide"),
        Column("role"),
        Column("severity"),
        _num("pending"),
        _num("firing"),
        _num("delivered"),
        _num("resolved"),
        Column("receiver"),
        Column("observed", "wide"),
        Column("charts"),
    )
    return table("Alerts, in minutes and seconds since the load began", columns, rows)


def _judged(alert: AlertResult, analysis: Analysis) -> Cell:
    if alert.verdict is None:
        return Cell("shown", "dim")
    return status(alert.verdict.status.value, analysis)


def _observed(alert: AlertResult) -> Cell:
    said = alert.note or (alert.verdict.observed if alert.verdict else "")
    return Cell(said, "dim")


def _spells(alert: AlertResult, analysis: Analysis) -> list[tuple[Cell, ...]]:
    return [_spell(alert, spell, analysis) for spell in alert.spells]


def _spell(alert: AlertResult, spell: AlertSpell, analysis: Analysis) -> tuple[Cell, ...]:
    labels = ", ".join(f"{key}={value}" for key, value in sorted(spell.labels.items()))
    moments = (spell.pending_at, spell.firing_at, spell.notified_at, spell.resolved_at)
    return (
        _judged(alert, analysis),
        Cell(alert.name, "key", labels),
        Cell(alert.role),
        Cell(units.text(alert.severity)),
        *(Cell(units.clock(moment, 1)) for moment in moments),
        Cell(units.text(spell.receiver)),
        _observed(alert),
        _shown(spell, analysis.end_s),
    )


def _shown(spell: AlertSpell, end_s: float) -> Cell:
    starts = [at for at in (spell.pending_at, spell.firing_at) if at is not None]
    until = spell.active_until if spell.resolved_at is None else spell.resolved_at
    link = window_link(min(starts, default=until), until, end_s)
    return Cell("show" if link else "", "", "Show this in the charts", link)


def _silent(alert: AlertResult, analysis: Analysis) -> tuple[Cell, ...]:
    unknown = Cell(units.UNKNOWN)
    return (
        _judged(alert, analysis),
        Cell(alert.name, "key"),
        Cell(alert.role),
        Cell(units.text(alert.severity)),
        *(unknown,) * 5,
        _observed(alert),
        Cell(""),
    )


def faults(analysis: Analysis) -> Table:
    """One row a fault, as the service recorded it."""
    rows = [
        (
            Cell(fault_label(fault), "key"),
            Cell(fault.stage),
            Cell(units.clock(fault.start_s, 1)),
            Cell(units.clock(fault.end_s, 1)),
        )
        for fault in analysis.faults
    ]
    columns = (Column("fault"), Column("stage"), _num("from"), _num("to"))
    return table("Faults, as the service recorded them", columns, rows)


def logs(analysis: Analysis) -> Table:
    """One row a group of log lines alike."""
    rows = [
        (
            Cell(group.level, f"level {group.level.lower()}"),
            Cell(units.text(group.action), "key"),
            Cell(units.text(group.error_type)),
            Cell(units.count(group.count)),
            Cell(units.clock(group.first_s, 1)),
            Cell(group.example, "message"),
            Cell(units.text(group.trace_id), "mono"),
        )
        for group in analysis.logs
    ]
    columns = (
        Column("level"),
        Column("action"),
        Column("error type"),
        _num("lines"),
        _num("first at"),
        Column("example", "wide"),
        Column("trace of the example"),
    )
    return table("Log lines alike", columns, rows)


def exemplars(analysis: Analysis) -> Table:
    """The slowest requests, with the ids of their traces."""
    rows = [
        (
            Cell(units.clock(exemplar.at_s, 1)),
            Cell(exemplar.operation, "key"),
            Cell(exemplar.stage),
            Cell(exemplar.outcome, "bad" if exemplar.outcome != "ok" else ""),
            Cell(units.duration(exemplar.response_s)),
            Cell(units.duration(exemplar.service_s)),
            Cell(exemplar.trace_id, "mono"),
            Cell("yes" if exemplar.kept else "no", "dim"),
        )
        for exemplar in analysis.exemplars
    ]
    columns = (
        _num("at"),
        Column("operation", "wide"),
        Column("stage"),
        Column("outcome"),
        _num("response"),
        _num("service"),
        Column("trace id"),
        Column("spans kept", "", "whether the bundle holds the trace's spans"),
    )
    return table("Slowest requests", columns, rows)


def hot(analysis: Analysis) -> Table:
    """Functions by share of samples, base against peak."""
    rows = [
        (
            Cell(one.function, "key mono"),
            Cell(units.percent(one.base_self)),
            Cell(units.percent(one.peak_self)),
            Cell(units.percent(one.base_total)),
            Cell(units.percent(one.peak_total)),
        )
        for one in analysis.hot
    ]
    columns = (
        Column("function", "wide"),
        _num("base, itself"),
        _num("peak, itself"),
        _num("base, with callees"),
        _num("peak, with callees"),
    )
    return table("Hottest functions, share of samples", columns, rows)
