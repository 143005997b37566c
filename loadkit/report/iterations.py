"""The table of iterations: tasks of more than one request."""

from __future__ import annotations

from loadkit.analyse.result import Analysis
from loadkit.report import units
from loadkit.report.tables import Cell, Column, Table, table


def iterations(analysis: Analysis) -> Table | None:
    """One row a task and stage; None where an iteration is a request."""
    if not analysis.iterations:
        return None
    columns = (
        Column("task", "wide"),
        Column("stage"),
        *(Column(name, "num", title) for name, title in _NUMBERS),
    )
    rows = [
        (
            Cell(result.task, "key", result.task),
            Cell(result.stage),
            Cell(units.count(result.count)),
            *(
                Cell(units.duration(value))
                for times in (result.response, result.service)
                for value in (times.p50, times.p95, times.max)
            ),
        )
        for result in analysis.iterations
    ]
    return table("Iterations by task", columns, rows)


_NUMBERS = (
    ("iterations", ""),
    *((name, "from when it was due to its end") for name in ("p50", "p95", "max")),
    *((f"own {name}", "from its start to its end") for name in ("p50", "p95", "max")),
)
