"""Log lines alike, the worst first."""

from __future__ import annotations

from loadkit.analyse.context import Context, seconds_or_none, text_of, text_or_none
from loadkit.analyse.result import LogGroup

LEVELS = {"critical": 0, "error": 1, "warning": 2}
MOST = 25


def log_groups(context: Context) -> tuple[LogGroup, ...]:
    """Warnings and worse by level, action and kind of error; most severe and frequent first."""
    frame = context.run.logs
    frame = frame[frame["level"].isin(list(LEVELS))]
    groups = []
    keys = [frame[name].map(text_of) for name in ("level", "action", "error_type")]
    for (level, action, error_type), rows in frame.groupby(keys):
        rows = rows.sort_values("t_s", kind="stable", na_position="last")
        first = rows.iloc[0]
        traced = rows["trace_id"].dropna()
        groups.append(
            LogGroup(
                level=str(level),
                action=str(action),
                error_type=str(error_type),
                count=int(rows["count"].fillna(1).sum()),
                first_s=seconds_or_none(first["t_s"]),
                example=text_of(first["message"]),
                trace_id=text_or_none(traced.iloc[0]) if len(traced) else None,
            )
        )
    groups.sort(key=lambda g: (LEVELS[g.level], -g.count, g.action, g.error_type))
    return tuple(groups[:MOST])
