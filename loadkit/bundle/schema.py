"""The tables of a bundle: their columns, units and version.

Version history
    1   first format
    2   generator: worker, run_delay_ns, max_files; windows and seconds have iterations too.
        What an older bundle lacks is null.
    3   metric_info; memory_runs, memory_stacks, memory_growth; profile_slices, profile_threads;
        profiles: thread, state, slice; profile_runs: file.

Stamps: ``mono_ns`` is CLOCK_MONOTONIC in nanoseconds, the clock of everything loadkit measures
itself; ``wall_ns`` is Unix time in nanoseconds as a foreign source stamped it. ``second`` counts
from the start of the load. The reader adds ``t_s``, seconds since the start of the load, to every
table that has either stamp.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

FORMAT = "loadkit-bundle"
VERSION = 3


@dataclass(frozen=True, slots=True)
class Column:
    """One column: Arrow type, and what it holds with its unit."""

    name: str
    type: pa.DataType
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the bundle."""

    name: str
    text: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema; every column may be null."""
        return pa.schema([(column.name, column.type) for column in self.columns])


_text, _int, _real, _flag = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_MONO = Column("mono_ns", _int, "CLOCK_MONOTONIC, ns")
_WALL = Column("wall_ns", _int, "Unix time by the source's clock, ns")
_STAGE = Column("stage", _text, "stage in which the request was due")
_SECOND = Column("second", pa.int32(), "second since the start of the load in which it was due")
_OPERATION = Column("operation", _text, "METHOD name; 'other' beyond the cap; '' for arrivals")

_HISTOGRAM = (
    _STAGE,
    _SECOND,
    _OPERATION,
    Column("outcome", _text, "ok, failed, raised or cancelled; 'started' for lateness"),
    Column(
        "measure",
        _text,
        "service, response (of requests), lateness (of arrivals), iteration (of a task, from when "
        "it was due) or iteration_service (from its start); operation is the task of those two",
    ),
    Column("count", _int, "values in the histogram"),
    Column("sum_ns", _int, "exact sum of the values, ns"),
    Column("min_ns", _int, "smallest value, ns"),
    Column("max_ns", _int, "largest value, ns"),
    Column("buckets", pa.list_(pa.int32()), "bucket indices, ascending"),
    Column("counts", pa.list_(_int), "values in each of those buckets"),
)

TABLES: tuple[Table, ...] = (
    Table(
        "intervals",
        "Latency histograms as they come, fine buckets, additive; only while running.",
        _HISTOGRAM,
    ),
    Table("seconds", "Histograms per second, coarse buckets (within 1%).", _HISTOGRAM),
    Table(
        "windows",
        "Histograms per stage and 10 s (second = the window's first), fine buckets (within 0.1%).",
        _HISTOGRAM,
    ),
    Table(
        "flow",
        "What happened how often; additive.",
        (
            _STAGE,
            Column("second", pa.int32(), "second in which it happened (planned, late: was due)"),
            _OPERATION,
            Column(
                "event",
                _text,
                "planned, started, late, never_started, unfed (arrivals; the last are those that "
                "found a feeder empty and sent nothing); sent, completed (a response "
                "came), ok, failed, raised, cancelled, held (waited for --max-rate) (requests)",
            ),
            Column("count", _int, "how often"),
        ),
    ),
    Table(
        "errors",
        "Failures by kind; additive.",
        (
            _STAGE,
            _SECOND,
            _OPERATION,
            Column("kind", _text, "HTTP 503, ConnectionRefusedError, CatchResponseError …"),
            Column("message", _text, "text of the first one, secrets removed"),
            Column("count", _int, "how often"),
        ),
    ),
    Table(
        "exemplars",
        "The slowest requests of each second.",
        (
            _STAGE,
            _SECOND,
            _OPERATION,
            Column("outcome", _text, "how it ended"),
            Column("mono_ns", _int, "when it was due"),
            Column("service_ns", _int, "service time, ns"),
            Column("response_ns", _int, "response time, ns"),
            Column("trace_id", _text, "32 hex digits sent in traceparent"),
        ),
    ),
    Table(
        "samples",
        "Every request, with --samples.",
        (
            _STAGE,
            _SECOND,
            _OPERATION,
            Column("outcome", _text, "how it ended"),
            Column("mono_ns", _int, "when it was due"),
            Column("service_ns", _int, "service time, ns"),
            Column("response_ns", _int, "response time, ns"),
        ),
    ),
    Table(
        "generator",
        "The load generator, once a second.",
        (
            _MONO,
            Column("worker", _text, "which worker; null in a run without workers"),
            Column("users", _int, "users running"),
            Column("in_flight", _int, "requests under way"),
            Column("cpu_ratio", _real, "share of one core used since the row before"),
            Column("run_delay_ns", _int, "time it was ready to run and had no CPU, ns"),
            Column("loop_lag_ns", _int, "worst lag of the event loop since the row before, ns"),
            Column("gc_pause_ns", _int, "time in garbage collection since the row before, ns"),
            Column("gc_count", _int, "collections since the row before"),
            Column("rss_bytes", _int, "resident memory"),
            Column("open_files", _int, "file descriptors in use"),
            Column("max_files", _int, "file descriptors it may have"),
            Column("free_ports", _int, "local ports not in use, where it can be known"),
        ),
    ),
    Table(
        "series",
        "Prometheus series, one row each.",
        (
            Column("series", _int, "number of the series in this bundle"),
            Column("name", _text, "metric name"),
            Column("labels", _text, "all other labels as JSON, keys sorted"),
            Column("job", _text, "label job"),
            Column("instance", _text, "label instance"),
        ),
    ),
    Table(
        "metrics",
        "Raw Prometheus samples.",
        (
            Column("series", _int, "series they belong to"),
            _WALL,
            Column("value", _real, "value as scraped; counters are not differentiated"),
        ),
    ),
    Table(
        "metric_info",
        "What the exposition, or Prometheus' metadata, says about each metric.",
        (
            Column("name", _text, "metric name as it was declared, without suffixes of series"),
            Column("type", _text, "counter, gauge, histogram, summary … or unknown"),
            Column("help", _text, "its description"),
            Column("unit", _text, "its unit; null where none is declared"),
        ),
    ),
    Table(
        "alert_states",
        "Alerts as Prometheus' API showed them, once a second while any was active.",
        (
            _MONO,
            Column("alert", _text, "alertname"),
            Column("labels", _text, "labels as JSON, keys sorted"),
            Column("state", _text, "pending or firing"),
            Column("active_wall_ns", _int, "activeAt, Unix ns"),
            Column("value", _real, "value of the expression"),
        ),
    ),
    Table(
        "notifications",
        "What Alertmanager delivered to loadkit, one row an alert in it.",
        (
            _MONO,
            Column("receiver", _text, "receiver by the routing tree"),
            Column("integration", _text, "slack, pagerduty or webhook"),
            Column("status", _text, "firing or resolved"),
            Column("alert", _text, "alertname"),
            Column("labels", _text, "labels as JSON where the message has them"),
            Column("title", _text, "title as delivered"),
            Column("text", _text, "text as delivered"),
        ),
    ),
    Table(
        "spans",
        "Spans of the kept traces: the slowest of each second, failed ones, a random sample.",
        (
            Column("trace_id", _text, "32 hex digits"),
            Column("span_id", _text, "16 hex digits"),
            Column("parent_id", _text, "16 hex digits or null"),
            Column("name", _text, "span name"),
            Column("service", _text, "service.name"),
            Column("kind", _text, "internal, server, client, producer, consumer"),
            Column("status", _text, "unset, ok or error"),
            Column("wall_ns", _int, "start, Unix ns"),
            Column("duration_ns", _int, "end minus start, ns"),
            Column("attributes", _text, "attributes as JSON"),
            Column("kept", _text, "slowest, failed or sample"),
        ),
    ),
    Table(
        "span_counts",
        "Spans and traces received, once a second.",
        (
            _MONO,
            Column("spans", _int, "spans received since the row before"),
            Column("traces", _int, "root spans received since the row before"),
            Column("kept_traces", _int, "traces written since the row before"),
            Column("dropped", _int, "spans given up since the row before"),
        ),
    ),
    Table(
        "logs",
        "Log lines.",
        (
            _WALL,
            Column("mono_ns", _int, "when it was read, CLOCK_MONOTONIC ns"),
            Column("source", _text, "component"),
            Column("level", _text, "debug, info, warning, error or critical; null if not known"),
            Column("action", _text, "field action"),
            Column("error_type", _text, "field error_type"),
            Column("message", _text, "message, secrets removed"),
            Column("trace_id", _text, "32 hex digits or null"),
            Column("span_id", _text, "16 hex digits or null"),
            Column("count", _int, "lines this row stands for (repeated ones beyond a cap)"),
        ),
    ),
    Table(
        "profiles",
        "py-spy stacks, added up per stage.",
        (
            _STAGE,
            Column("process", _text, "component"),
            Column("stack", _text, "frames 'function (file:line)', root first, joined by ;"),
            Column("count", _int, "samples"),
            Column("rooted", _flag, "whether the stack begins where its thread does"),
            Column("thread", _text, "name and id of its thread; null where it is not known"),
            Column(
                "state",
                _text,
                "running_gil (with the interpreter's lock), running (without it), idle or unknown",
            ),
            Column("slice", pa.int32(), "number of the slice in profile_slices"),
        ),
    ),
    Table(
        "profile_runs",
        "One row a profile taken.",
        (
            _STAGE,
            Column("process", _text, "component"),
            Column("pid", _int, "process id"),
            Column("mono_ns", _int, "when sampling began"),
            Column("duration_s", _real, "how long"),
            Column("rate_hz", _int, "samples a second asked for"),
            Column("blocking", _flag, "whether the process was paused for each sample"),
            Column("samples", _int, "stacks taken"),
            Column("errors", _int, "samples that could not be taken"),
            Column("message", _text, "why there is no profile, else null"),
            Column("file", _text, "collapsed stacks in the bundle; null where there are none"),
        ),
    ),
    Table(
        "profile_slices",
        "A profile is taken in slices: the repetition that its intervals rest on.",
        (
            _STAGE,
            Column("process", _text, "component"),
            Column("slice", pa.int32(), "its number within the profile, in order of time"),
            Column(
                "kind",
                _text,
                "gil: whose stack held the interpreter's lock, at rate_hz; states: every thread "
                "with its state, a few times a second",
            ),
            Column("mono_ns", _int, "when it began"),
            Column("duration_s", _real, "how long was sampled"),
            Column("samples", _int, "gil: stacks with the lock; states: looks at all threads"),
            Column("errors", _int, "samples that could not be taken"),
        ),
    ),
    Table(
        "profile_threads",
        "Processor time of each thread while a profile was taken, as the kernel counts it.",
        (
            _STAGE,
            Column("process", _text, "component"),
            Column("thread", _text, "name and id"),
            Column("cpu_ratio", _real, "share of one core used"),
        ),
    ),
    Table(
        "memory_runs",
        "One row a process whose memory was tracked in a stage.",
        (
            _STAGE,
            Column("process", _text, "component"),
            Column("pid", _int, "process id"),
            Column("how", _text, "tracker (inside the process) or attach"),
            Column("mono_ns", _int, "when tracking began"),
            Column("end_mono_ns", _int, "when it ended"),
            Column("start_s", _real, "how long switching it on took; the process may stand still"),
            Column("stop_s", _real, "how long switching it off took"),
            Column("stall_s", _real, "attach: how long a debugger held the process, both times"),
            Column("allocations", _int, "allocations made"),
            Column("allocated_bytes", _int, "bytes allocated, freed or not"),
            Column("peak_bytes", _int, "most bytes of them alive at once"),
            Column("left_bytes", _int, "bytes not freed by the end"),
            Column("file", _text, "memray's own file below the bundle; null when not kept"),
            Column("message", _text, "why there is nothing, else null"),
        ),
    ),
    Table(
        "memory_stacks",
        "Where tracked memory was allocated.",
        (
            _STAGE,
            Column("process", _text, "component"),
            Column(
                "kind",
                _text,
                "peak (alive when most was), kept (made after the first quarter and never freed), "
                "allocated (all; the frame alone)",
            ),
            Column("stack", _text, "frames 'function (file:line)', root first, joined by ;"),
            Column("bytes", _int, "bytes; null where it was not among the largest"),
            Column("count", _int, "allocations; null where it was not among the most"),
        ),
    ),
    Table(
        "memory_growth",
        "Tracked memory over time.",
        (
            _STAGE,
            Column("process", _text, "component"),
            _WALL,
            Column("function", _text, "function (file) that allocated it; null for all together"),
            Column("heap_bytes", _int, "bytes alive of what was allocated since tracking began"),
            Column(
                "lasting_bytes",
                _int,
                "those of them that live for 15 % of the stage or longer; null in its last 15 %",
            ),
            Column("rss_bytes", _int, "resident memory; with function null"),
        ),
    ),
    Table(
        "host",
        "The machine, once a second.",
        (
            _MONO,
            Column("cpu_ratio", _real, "share of all cores in use"),
            Column("memory_ratio", _real, "share of memory in use"),
            Column("disk_free_bytes", _int, "free where the bundle is written"),
            Column("load_1m", _real, "load average, 1 minute"),
        ),
    ),
    Table(
        "processes",
        "Processes under watch, once a second.",
        (
            _MONO,
            Column("process", _text, "component"),
            Column("pid", _int, "process id"),
            Column("cpu_ratio", _real, "share of one core used since the row before"),
            Column("rss_bytes", _int, "resident memory"),
            Column("threads", _int, "threads"),
            Column("open_files", _int, "file descriptors in use"),
        ),
    ),
    Table(
        "faults",
        "Faults as the service recorded them.",
        (
            Column("kind", _text, "kind of fault"),
            Column("step", _text, "step of the span tree, or null"),
            Column("value", _real, "magnitude, in the kind's unit"),
            Column("stage", _text, "stage it was asked for"),
            Column("mono_ns", _int, "start"),
            Column("end_mono_ns", _int, "end, null while active"),
        ),
    ),
    Table(
        "clock",
        "Monotonic and wall clock read together, once a second.",
        (_MONO, _WALL),
    ),
    Table(
        "findings",
        "What was noticed while measuring.",
        (
            _MONO,
            Column("slug", _text, "page in the docs"),
            Column("severity", _text, "info, warning or error"),
            Column("summary", _text, "one sentence"),
            Column("evidence", _text, "label to text as JSON"),
        ),
    ),
)

BY_NAME = {table.name: table for table in TABLES}
