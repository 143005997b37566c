"""The table of the processes that made the load."""

from __future__ import annotations

from loadkit.analyse.result import Analysis, WorkerResult
from loadkit.report import units
from loadkit.report.tables import Cell, Column, Table, table


def workers(analysis: Analysis) -> Table:
    """One row a worker."""
    columns = (
        Column("worker"),
        Column("host", "wide"),
        Column("state"),
        Column("CPU, mean", "num", "share of one core"),
        Column("CPU, highest", "num", "share of one core in a second"),
        Column("clock", "num", "its clock beside the master's, and how far that may be wrong"),
        Column("unknown", "num", "from its last acknowledged word until it was gone"),
    )
    return table("The load by worker", columns, [_row(worker) for worker in analysis.workers])


def _row(worker: WorkerResult) -> tuple[Cell, ...]:
    return (
        Cell(worker.name, "key"),
        Cell(worker.host),
        Cell(worker.state, "bad" if worker.state == "lost" else ""),
        Cell(units.percent(worker.cpu_mean)),
        Cell(units.percent(worker.cpu_max)),
        Cell(_clock(worker)),
        Cell(_unknown(worker)),
    )


def _clock(worker: WorkerResult) -> str:
    if not worker.offset_s and not worker.uncertainty_s:
        return "the same"
    sign = "−" if worker.offset_s < 0 else "+"
    offset = units.duration(abs(worker.offset_s))
    return f"{sign}{offset} ± {units.duration(worker.uncertainty_s)}"


def _unknown(worker: WorkerResult) -> str:
    if worker.lost_until_s is None:
        return "nothing"
    since = worker.lost_from_s or 0.0
    text = f"{since:.1f} s to {worker.lost_until_s:.1f} s"
    return f"{text}, {units.count(worker.unknown)} arrivals" if worker.unknown else text
