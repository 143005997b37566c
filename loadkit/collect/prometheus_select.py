"""Which series are read: everything of a service, of the machine and of Prometheus a choice.

A node exporter has over a thousand series and Prometheus itself several hundred, most of which
nobody looks at after a load test. The choice is by metric name, whatever the job is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from loadkit.model.selector import Matcher, parse_selector

CHOSEN = (
    # the machine: saturation and errors of each resource
    "node_cpu_seconds_total",
    "node_load1",
    "node_context_switches_total",
    "node_procs_running",
    "node_procs_blocked",
    "node_memory_Mem(Available|Total|Free)_bytes",
    "node_memory_Swap(Free|Total)_bytes",
    "node_vmstat_(pgmajfault|oom_kill|pswpin|pswpout)",
    "node_filesystem_(avail|size)_bytes",
    "node_disk_(io_time|read_time|write_time)_seconds_total",
    "node_disk_(reads|writes)_completed_total",
    "node_disk_(read|written)_bytes_total",
    "node_network_(receive|transmit)_(bytes|errs|drop)_total",
    "node_netstat_Tcp_(RetransSegs|CurrEstab)",
    "node_netstat_TcpExt_ListenDrops",
    "node_pressure_(cpu|memory|io)_(waiting|stalled)_seconds_total",
    "node_filefd_(allocated|maximum)",
    "node_boot_time_seconds",
    # Prometheus: whether what it says can be trusted
    "prometheus_build_info",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_rule_group_(iterations_missed_total|last_duration_seconds|interval_seconds)",
    "prometheus_notifications_(sent|dropped|errors)_total",
    "prometheus_notifications_queue_(length|capacity)",
    "prometheus_target_scrapes_(exceeded_sample_limit|sample_out_of_order)_total",
    "prometheus_tsdb_head_series",
    # Alertmanager
    "alertmanager_alerts",
    "alertmanager_notifications_(failed_)?total",
)

FAMILIES = ("node", "prometheus", "alertmanager", "net_conntrack", "promhttp")
ALERT_SERIES = ("ALERTS", "ALERTS_FOR_STATE")


def job_matcher(jobs: Iterable[str] | None, further: str | None = None) -> str:
    """``job=~"a|b"``; of every job when none is named. Names may be regular expressions.

    ``further`` are matchers in braces, as [prometheus] selector has them.
    """
    wanted = "|".join(jobs or ())
    return f"job=~{quoted(wanted or '.+')}{_also(further)}"


def job_selectors(jobs: Iterable[str] | None, further: str | None = None) -> tuple[str, str]:
    """What belongs to jobs: everything outside the families above, then the choice of them."""
    matcher = job_matcher(jobs, further)
    others = quoted("|".join(f"{family}_.*" for family in FAMILIES))
    return (
        f"{{{matcher},__name__!~{others}}}",
        f"{{{matcher},__name__=~{quoted('|'.join(CHOSEN))}}}",
    )


def rule_selectors(
    names: Iterable[str], alerts: Iterable[str] | None, further: str | None = None
) -> tuple[str, ...]:
    """What rules write, which needs not have a job: recorded series and alert states."""
    states = f"__name__=~{quoted('|'.join(ALERT_SERIES))}"
    wanted = sorted(alerts or ())
    if wanted:
        states += f",alertname=~{quoted('|'.join(re.escape(name) for name in wanted))}"
    recorded = "|".join(sorted(names))
    selectors = [f"{{{states}{_also(further)}}}"]
    if recorded:
        selectors.append(f"{{__name__=~{quoted(recorded)}{_also(further)}}}")
    return tuple(selectors)


def matchers(selector: str | None) -> tuple[Matcher, ...]:
    """The conditions of ``{name="value", …}``; none of None.

    Raises:
        UsageError: it is no selector.
    """
    if selector is None:
        return ()
    return parse_selector(f"any{selector}", "[prometheus] selector").matchers


def _also(further: str | None) -> str:
    return "".join(f",{matcher}" for matcher in matchers(further))


def quoted(text: str) -> str:
    """A string literal of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
