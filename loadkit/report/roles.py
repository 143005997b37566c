"""What the metrics were taken for: rows, and the lines of loadkit.toml that correct them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from loadkit.analyse.result import Analysis, RoleResult

_ORDER = ("rate", "errors", "duration", "saturation")


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One role of a metric as shown; ``metric`` is empty where nothing was found."""

    role: str
    metric: str
    why: str
    said: bool


def rows(analysis: Analysis) -> tuple[RoleRow, ...]:
    """In the order of the roles; none where no metrics of the service are known."""
    return tuple(
        RoleRow(one.role, one.metric or "", one.reason, one.said) for one in analysis.roles
    )


def toml(roles: Iterable[RoleResult]) -> str:
    """A ``[signals]`` section that says what was taken; what was not found is a comment."""
    known = list(roles)
    lines = ["[signals]"]
    for role in _ORDER:
        metrics = [one.metric for one in known if one.role == role and one.metric]
        if role == "saturation":
            inside = "".join(f"\n    {_text(metric)}," for metric in metrics)
            lines.append(f"saturation = [{inside}\n]" if metrics else "# saturation = []")
        elif metrics:
            lines.append(f"{role} = {_text(metrics[0])}")
        else:
            lines.append(f'# {role} = ""')
    return "\n".join(lines)


def _text(value: str) -> str:
    """A TOML string: literal where it can be, so that patterns stay readable."""
    return f"'{value}'" if "'" not in value else json.dumps(value, ensure_ascii=False)
