"""The embedded stack's rules and receivers, checked before anything starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from loadkit.alerts.prepare import PreparedRules, prepare_rules
from loadkit.alerts.receivers import PreparedAlertmanager, prepare_alertmanager
from loadkit.errors import UsageError
from loadkit.run.plan import Plan
from loadkit.stack import binaries
from loadkit.stack.config_files import SETS, config_file
from loadkit.stack.embedded import PROGRAMS, EmbeddedStack


async def prepared(source: str, progress: Callable[[str], None]) -> PreparedRules:
    """The rules of ``--rules``, downloading servers first where they are missing.

    Raises:
        UsageError: a rule file that promtool refuses.
        StackError: a server is missing and cannot be had.
    """
    found = await asyncio.to_thread(binaries.ensure, progress, (*PROGRAMS, "promtool"))
    return await asyncio.to_thread(
        prepare_rules, source, promtool_path=found["promtool"].path, jobs=EmbeddedStack.jobs
    )


def check_alert_names(plan: Plan, rules: PreparedRules) -> None:
    """Alerts that are expected or forbidden must be in the rules, or the run proves nothing.

    Raises:
        UsageError: one is not.
    """
    known = {alert.name for alert in rules.alerts}
    known |= {rule.name for rule in rules.withheld}
    known |= {rule.name for rule in rules.refused if rule.name}
    if any(rule.name is None for rule in rules.refused):
        return  # a whole file was left out: the name may be in it
    for name in (*plan.expect, *plan.forbid):
        if name not in known:
            raise UsageError(
                f"no rule defines the alert {name!r}",
                where=f"--rules {rules.source}",
                remedy=f"Alerts there: {', '.join(sorted(known))}.",
            )


def receivers(source: str, notify_url: str) -> PreparedAlertmanager:
    """Alertmanager's configuration with loadkit as the only receiver."""
    chosen = source if source in SETS else "corrected"
    text = config_file(chosen, "alertmanager.yml").read_text(encoding="utf-8")
    return prepare_alertmanager(text, notify_url=notify_url)


def for_manifest(rules: PreparedRules) -> dict[str, Any]:
    """What the report needs to know of the rules."""
    return {
        "scale": rules.scale,
        "rules_source": rules.source,
        "alerts": [
            {
                "name": alert.name,
                "group": alert.group,
                "severity": alert.severity,
                "for_s": alert.for_s,
                "scaled_for_s": alert.scaled_for_s,
                "interval_s": alert.scaled_interval_s,
                "expr": alert.expr,
            }
            for alert in rules.alerts
        ],
        "withheld": [
            {"name": rule.name, "kind": rule.kind, "reason": rule.reason} for rule in rules.withheld
        ],
        "refused": [
            {"file": rule.file, "name": rule.name, "reason": rule.reason} for rule in rules.refused
        ],
    }
