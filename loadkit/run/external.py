"""The external stack: servers, processes and rules of somebody else, looked at before the load."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadkit.alerts.rules import Rule
from loadkit.collect.access import Access, access_of
from loadkit.collect.processes import Found
from loadkit.collect.prometheus_api import LoadedRule, PrometheusApi
from loadkit.config import Config
from loadkit.errors import CollectError, UsageError
from loadkit.run import inspection
from loadkit.run.inspection import SERVERS, Seen
from loadkit.run.plan import Plan
from loadkit.scrub import scrub

_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class External:
    """What was found of all that the settings name.

    Attributes:
        access: section → how its servers are talked to; of named ones.
        processes: in the order of the settings.
        stack: for the manifest's ``stack``.
    """

    access: Mapping[str, Access] = field(default_factory=dict)
    processes: tuple[Found, ...] = ()
    stack: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pids(self) -> dict[str, int]:
        """Name → process, of all that are watched."""
        return {name: pid for found in self.processes for name, pid in found.watched.items()}


async def look_around(plan: Plan, config: Config, say: Callable[[str], None]) -> External:
    """Contacts what the settings name. A server that does not answer may do so later: it is said,
    and the run goes on.

    Args:
        plan: its stack, and the alerts that it expects and forbids.
        config: settled settings.
        say: takes warnings and what was chosen.

    Raises:
        UsageError: a server answers as something else or lets nobody in, a secret or a certificate
            is missing, a process is not there or ambiguous, a log can never be read, a rule file
            is wrong, or an alert is expected or forbidden that no rule defines.
        StackError: promtool is there and cannot be executed.
    """
    found = tuple(
        inspection.find_process(config, number) for number in range(len(config.processes))
    )
    stack: dict[str, Any] = {"processes": {one.name: _told(one) for one in found}} if found else {}
    for one in found:
        say(f"process {one.name}: {scrub(one.how)}")
        if one.user is not None:
            say(
                f"warning: process {one.name} belongs to {one.user}: its CPU and memory are read, "
                "for its stacks py-spy needs to be that user or root"
            )
    if plan.stack != "external":
        return External({}, found, stack)
    access = {}
    for section in SERVERS:
        for seen in await inspection.servers(config, section):
            _pass(seen, say)
            access[section] = access_of(section, getattr(config, section))
    for number, log in enumerate(config.logs):
        inspection.check_log(log.file, config.origin(f"log.{number}.file"))
    stack |= await _rules(plan, config, access, say)
    return External(access, found, stack)


def _told(found: Found) -> dict[str, Any]:
    return {
        "pid": found.pid,
        "workers": list(found.workers),
        "profiled": found.profiled,
        "how": scrub(found.how),
        "user": found.user,
    }


def _pass(seen: Seen, say: Callable[[str], None]) -> None:
    error = seen.error
    if error is None:
        return
    if seen.gone:
        say(f"warning: {error.where}: {error.what}; the run goes on without")
        return
    if isinstance(error, CollectError):
        origin = seen.origin.removeprefix("option ").removeprefix("environment ")
        raise UsageError(error.what, where=f"{origin}: {error.where}", remedy=error.remedy)
    raise error


# -- rules ------------------------------------------------------------------------------------


async def _rules(
    plan: Plan, config: Config, access: Mapping[str, Access], say: Callable[[str], None]
) -> dict[str, Any]:
    """What the manifest needs to know of the rules; nothing where none are known."""
    wanted = (*plan.expect, *plan.forbid)
    named = inspection.rules(config) if config.rules.files else None
    if named is not None:
        known = [rule.name for rule in named.alerts]
        _must_know(wanted, known, config.origin("rules.files"), "no rule file defines the alert")
        if not named.checked:
            say("warning: the rule files were not checked, because there is no promtool")
    loaded = None
    url = config.prometheus.url
    if url is not None and (wanted or named is not None):
        loaded = await _loaded(url, access.get("prometheus"))
    if loaded is not None:
        _must_know(wanted, [rule.name for rule in loaded], scrub(str(url)),
                   "no rule that is loaded defines the alert")  # fmt: skip
    if named is not None:
        names = {rule.name for rule in loaded or ()}
        missing = [rule.name for rule in named.alerts if rule.name not in names]
        if loaded is not None and missing:
            say(f"warning: {scrub(str(url))} has not loaded {_listing(missing)} of the rule files")
        intervals = {rule.name: rule.interval_s for rule in loaded or ()}
        return _stack(", ".join(named.files), [_of_file(rule, intervals) for rule in named.alerts])
    chosen = [_of_server(rule) for rule in loaded or () if rule.name in wanted]
    return _stack(scrub(str(url)), chosen) if chosen else {}


async def _loaded(url: str, access: Access | None) -> Sequence[LoadedRule] | None:
    """The alerts that a Prometheus evaluates; None where it does not tell."""
    api = PrometheusApi(url, access)
    try:
        return await asyncio.to_thread(api.alert_rules)
    except CollectError:
        return None
    finally:
        api.close()


def _must_know(wanted: Iterable[str], known: Sequence[str], where: str, what: str) -> None:
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {close[0]}? " if close else ""
            raise UsageError(
                f"{what} {name!r}",
                where=where,
                remedy=f"{hint}Alerts there: {_listing(sorted(set(known)))}."
                if known
                else "It has no alerts.",
            )


def _listing(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _stack(source: str, alerts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"scale": 1, "rules_source": source, "alerts": list(alerts)}


def _of_file(rule: Rule, intervals: Mapping[str, float | None]) -> dict[str, Any]:
    own = None if rule.interval_ms is None else rule.interval_ms / 1000
    return _alert(rule.name, rule.group, rule.labels.get("severity"), rule.for_ms / 1000,
                  own or intervals.get(rule.name), rule.expr)  # fmt: skip


def _of_server(rule: LoadedRule) -> dict[str, Any]:
    return _alert(rule.name, rule.group, rule.severity, rule.for_s, rule.interval_s, rule.expr)


def _alert(
    name: str, group: str, severity: str | None, for_s: float, interval_s: float | None, expr: str
) -> dict[str, Any]:
    return {
        "name": name,
        "group": group,
        "severity": severity,
        "for_s": for_s,
        "scaled_for_s": for_s,
        "interval_s": interval_s,
        "expr": expr,
    }
