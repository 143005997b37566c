"""The slowest requests of the measured stages, with their traces."""

from __future__ import annotations

from loadkit.analyse.context import Context, present, text_of
from loadkit.analyse.result import Exemplar

MOST = 30


def slowest(context: Context) -> tuple[Exemplar, ...]:
    """By response time, slowest first; ``kept`` tells whether the spans are in the bundle."""
    frame = context.run.exemplars
    measured = [stage.name for stage in context.measured]
    frame = frame[frame["stage"].isin(measured) & frame["response_ns"].notna()]
    frame = frame.sort_values(["response_ns", "mono_ns"], ascending=[False, True], kind="stable")
    traces = set(context.run.spans["trace_id"].dropna())
    return tuple(
        Exemplar(
            at_s=float(row["t_s"]) if present(row["t_s"]) else float(row["second"]),
            operation=text_of(row["operation"]),
            stage=text_of(row["stage"]),
            outcome=text_of(row["outcome"]),
            response_s=float(row["response_ns"]) / 1e9,
            service_s=float(row["service_ns"]) / 1e9 if present(row["service_ns"]) else 0.0,
            trace_id=text_of(row["trace_id"]),
            kept=row["trace_id"] in traces,
        )
        for row in frame.head(MOST).to_dict("records")
    )
