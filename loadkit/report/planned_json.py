"""The planned load as JSON: every count of the screen, and each second. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from loadkit.load.allot import Kind
from loadkit.report.outlook import LoadCount, Outlook, StageCount
from loadkit.report.planned import Task, Wanted


def as_json(
    outlook: Outlook | None,
    classes: Sequence[Kind],
    wanted: Wanted,
    *,
    smoke: Mapping[str, Any] | None,
) -> str:
    """One document, with a newline at the end. Without an outlook (a plain locustfile) the counts
    are null: they are not known beforehand."""
    counted = {} if outlook is None else outlook.arrivals_by_class
    document: dict[str, Any] = {
        "name": wanted.title,
        "stack": wanted.stack,
        "duration_s": None if outlook is None else outlook.duration_s,
        "arrivals": None if outlook is None else outlook.arrivals,
        "highest_rate_per_s": None if outlook is None else outlook.highest_rate,
        "users": None if outlook is None else outlook.users,
        "stages": [] if outlook is None else [_stage(stage) for stage in outlook.stages],
        "user_classes": [
            {
                "name": cls.name,
                "weight": cls.weight,
                "fixed_count": cls.fixed,
                "arrivals": counted.get(cls.name),
                "tasks": [_task(task) for task in wanted.tasks.get(cls.name, ())],
            }
            for cls in classes
        ],
        "workers": []
        if outlook is None
        else [
            {"worker": w.number, "arrivals": w.arrivals, "users": w.users} for w in outlook.workers
        ],
        "seconds": []
        if outlook is None
        else [
            {"second": s.second, "arrivals": s.arrivals, "rate_per_s": s.rate, "users": s.users}
            for s in outlook.seconds()
        ],
        "slos": list(wanted.slos),
        "expect": list(wanted.expect),
        "forbid": list(wanted.forbid),
        "faults": list(wanted.faults),
        "abort": list(wanted.abort),
        "smoke": smoke,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _stage(count: StageCount) -> dict[str, Any]:
    return {
        "name": count.stage.name,
        "start_s": count.start_s,
        "duration_s": float(count.stage.duration),
        "warmup": bool(count.stage.warmup),
        "profile": bool(count.stage.profile),
        "arrivals": count.arrivals,
        "highest_rate_per_s": count.highest_rate,
        "users": count.users,
        "loads": [_load(load) for load in count.loads],
    }


def _load(count: LoadCount) -> dict[str, Any]:
    return {
        "kind": count.load.kind,
        "open": count.load.open,
        "user": count.load.user,
        "text": count.words,
        "arrivals": count.arrivals,
        "highest": count.highest,
        "users": count.pool,
        "by_class": dict(count.by_class),
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "weight": task.weight,
        "tasks": [_task(inner) for inner in task.tasks],
    }
