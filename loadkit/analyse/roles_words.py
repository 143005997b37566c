"""How people and client libraries name their metrics. Words of names, labels and values."""

from __future__ import annotations

STATUS_LABELS = (
    *("status", "status_code", "code", "http_status", "http_status_code", "response_code"),
    *("http_response_status_code", "status_class", "code_class"),
)
GRPC_LABELS = ("grpc_code", "rpc_grpc_status_code")
OUTCOME_LABELS = ("outcome", "result", "success", "state", "exception", "error", "error_type")
PATH_LABELS = ("path", "route", "http_route", "handler", "uri", "endpoint", "path_template", "url")
METHOD_LABELS = ("method", "http_method", "http_request_method", "grpc_method", "verb")

REQUESTS = {"request": 4, "requests": 4, "rq": 4} | dict.fromkeys(
    ("handled", "handle", "handling", "calls", "served", "responses", "response"), 3
) | dict.fromkeys(
    (
        *("processed", "completed", "messages", "jobs", "tasks", "events", "commands", "orders"),
        *("operations", "queries", "transactions", "hits", "received", "http", "rpc", "grpc"),
    ),
    2,
)  # fmt: skip
"""Words of a counter of what was asked of a service, with how much each says."""

DURATIONS = {"duration": 3, "latency": 3, "time": 2, "seconds": 1, "milliseconds": 1, "ms": 1}
FAILURES = frozenset(
    {"error", "errors", "failed", "failure", "failures", "exception", "exceptions", "errored"}
)
OUTWARD = frozenset({"client", "outgoing", "outbound", "upstream", "egress"})
"""What a service asks of others, not what is asked of it."""

NOT_REQUESTS = FAILURES | frozenset(
    {
        *("bytes", "byte", "seconds", "size", "dropped", "rejected", "retries", "retried", "gc"),
        *("timeouts", "timeout", "connections", "started", "created", "cancelled", "canceled"),
        *("waits", "wait", "cpu", "bucket", "cache", "evicted", "evictions", "skipped", "missed"),
        *("samples", "series", "scrapes", "scrape", "notifications", "reload", "reloads", "log"),
    }
)
"""A counter with one of these counts something else."""

RUNTIME = (
    *("go_", "process_", "python_", "jvm_", "nodejs_", "node_", "net_conntrack_", "dotnet_"),
    *("promhttp_", "scrape_", "system_", "ruby_", "php_", "cgo_", "logback_"),
    *("prometheus_tsdb_", "prometheus_sd_", "prometheus_target_", "prometheus_rule_"),
)
"""Families of runtimes and of the exposition itself: never what users ask for."""

SCALES = {
    "seconds": 1.0, "second": 1.0, "s": 1.0, "milliseconds": 1e-3, "millis": 1e-3, "ms": 1e-3,
    "microseconds": 1e-6, "micros": 1e-6, "us": 1e-6, "nanoseconds": 1e-9, "nanos": 1e-9,
    "ns": 1e-9, "minutes": 60.0,
}  # fmt: skip
"""Unit of a duration → seconds."""

# -- saturation ---------------------------------------------------------------------------------

JOINED = {
    ("in", "use"): "inuse", ("in", "flight"): "inflight", ("in", "progress"): "inprogress",
    ("checked", "out"): "checkedout", ("working", "set"): "workingset",
}  # fmt: skip
"""Two words that are one."""

USED = dict.fromkeys(
    (
        *("used", "inuse", "active", "busy", "acquired", "borrowed", "checkedout", "occupied"),
        *("depth", "length", "len", "inflight", "inprogress"),
    ),
    3,
) | dict.fromkeys(
    ("open", "connected", "current", "allocated", "usage", "running", "live", "workingset"), 2
) | dict.fromkeys(("queued", "pending", "waiting"), 1)  # fmt: skip
"""Words for the part of a resource that is taken, with how plainly each says so."""

LIMITS = {
    "capacity": 5, "limit": 5, "limits": 5, "max": 5, "maximum": 5, "hard": 2, "quota": 4,
    "bound": 4, "allowed": 4, "slots": 3, "spec": 1, "concurrent": 1, "size": 2, "total": 2,
    "config": 1, "configured": 2,
}  # fmt: skip
"""Words for how much of it there is, with how plainly each says so."""

FREE = frozenset({"free", "idle", "available", "avail", "remaining"})
EITHER = frozenset({"size", "total", "count"})
NEUTRAL = frozenset({"pool", "number", "num"})
"""Words that one of the two may have and the other not, so long as something else is left."""

SHARES = ("ratio", "utilization", "utilisation", "percent", "percentage", "saturation")
NOT_SHARES = frozenset(
    {
        *("hit", "hits", "miss", "error", "errors", "success", "failure", "failures", "threshold"),
        *("compression", "compaction", "target", "goal", "fragmentation", "sampling", "sample"),
        *("rejected", "drop", "dropped", "collision", "expected", "objective"),
    }
)
BUSY = ("busy", "active", "used", "io")
"""Before ``_seconds_total`` or ``_time_seconds_total``: seconds in use."""

KNOWN_PAIRS = (
    ("container_memory_working_set_bytes", "container_spec_memory_limit_bytes"),
    ("container_memory_usage_bytes", "container_spec_memory_limit_bytes"),
    ("pg_stat_activity_count", "pg_settings_max_connections"),
    ("redis_connected_clients", "redis_config_maxclients"),
    ("process_resident_memory_bytes", "process_memory_limit_bytes"),
)
"""What no rule about words finds."""

WAITING = frozenset({"waiting", "pending", "queued", "backlog", "depth", "blocked", "lag"})
FLYING = frozenset({"inflight", "inprogress"})
NOT_PAIRED = ("go_memstats_", "go_gc_", "go_sched_", "scrape_", "promhttp_", "process_virtual_")
"""Families with a maximum that is no limit: address space, what a sample set allows."""
