"""Whether the PromQL of abort rules is PromQL, said before anything is sent."""

from __future__ import annotations

import asyncio
import json

from loadkit.alerts import promtool
from loadkit.errors import UsageError
from loadkit.model.abort import PROMQL
from loadkit.run.plan import Plan
from loadkit.stack import binaries

_TOOL = "promtool"


async def check_promql(plan: Plan) -> None:
    """By promtool where there is one; else the first answer of Prometheus tells.

    Raises:
        UsageError: an expression is none.
    """
    rules = [rule for rule in plan.abort if rule.kind == PROMQL]
    found = (await asyncio.to_thread(binaries.find, (_TOOL,))).get(_TOOL) if rules else None
    if found is None:
        return
    for rule in rules:
        asked = [{"record": "abort", "expr": rule.expression}]
        text = json.dumps({"groups": [{"name": "abort", "rules": asked}]})  # JSON is YAML
        complaints = await asyncio.to_thread(promtool.check, found.path, "abort.yml", text)
        if complaints:
            raise UsageError(
                f"abort rule {rule.text!r}: {complaints[0].reason}",
                where=PROMQL,
                remedy="What stands before 'for' is PromQL, such as: up == 0.",
            )
