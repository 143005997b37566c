"""Everything that is looked at before a run: nothing has been started, and nothing sent."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.alerts.prepare import PreparedRules
from loadkit.config import Config
from loadkit.config.strangers import strangers
from loadkit.run import memory
from loadkit.run import rules as stack_rules
from loadkit.run.context import Screen
from loadkit.run.describe import Asked
from loadkit.run.external import External, look_around
from loadkit.run.plan import Plan, make_plan
from loadkit.run.promql_check import check_promql
from loadkit.run.request import RunRequest
from loadkit.run.settle import settle
from loadkit.run.targets import check_allowed, check_reachable


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that can begin. ``rules`` are those of the embedded stack, None without it; ``hosts``
    are those that user classes name."""

    request: RunRequest
    config: Config
    plan: Plan
    rules: PreparedRules | None
    external: External
    hosts: tuple[str, ...] = ()

    @property
    def target(self) -> str | None:
        """Where the load goes, when it is one place and known before the run."""
        if self.plan.host is not None or self.plan.stack == "embedded":
            return self.plan.host
        return self.hosts[0] if len(self.hosts) == 1 else None


async def prepare(request: RunRequest, asked: Asked, config: Config, screen: Screen) -> Prepared:
    """Decides what holds and checks all of it.

    Args:
        request: the options.
        asked: knows, or will know, what is in the file.
        config: what file and environment say.
        screen: takes warnings, and what was found.

    Raises:
        UsageError: something is wrong with the request or the settings.
        LoadkitError: loadkit failed.
    """
    for stranger in strangers():
        screen.say(f"warning: {stranger}")
    found = await asked.answer()
    settled = settle(request, config, found.scenario.stack if found.scenario else None)
    request = settled.request
    config = memory.with_attached(settled.config, request.memory_attach)
    plan = make_plan(request, found)
    memory.check(request, plan, config)
    await check_promql(plan)
    rules = None
    if plan.stack == "embedded":
        rules = await stack_rules.prepared(request.rules, screen.say)
        stack_rules.check_alert_names(plan, rules)
    external = await look_around(plan, config, screen.say)
    if plan.stack != "embedded":
        await _check_targets(plan, found.hosts, config)
    return Prepared(request, config, plan, rules, external, found.hosts)


async def _check_targets(plan: Plan, hosts: tuple[str, ...], config: Config) -> None:
    targets = [plan.host] if plan.host else list(hosts)
    for target in targets:
        check_allowed(target, config.allowed_targets)
    for target in targets:
        await check_reachable(target, config.allowed_targets)
