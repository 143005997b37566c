"""What is read from the running parts at each scrape."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from loadkit.reference.cache import MemoryPricingCache
from loadkit.reference.faults.lock import Lock
from loadkit.reference.lag import LoopLag
from loadkit.reference.logs import JsonLog
from loadkit.reference.metrics import Metrics
from loadkit.reference.ports import Notifier, Storage
from loadkit.reference.spans import CountingProcessor


def watch_storage(metrics: Metrics, storage: Storage) -> None:
    """Pool and queue of the database."""
    state = storage.state
    metrics.watch(
        [
            ("database_connections_active", "Active database connections",
             lambda: state().pool_in_use),
            ("database_pool_size", "Connections that may be in use at once",
             lambda: state().pool_limit),
            ("database_pool_in_use", "Connections in use", lambda: state().pool_in_use),
            ("database_pool_waiting", "Requests that wait for a connection",
             lambda: state().pool_waiting),
            ("store_queue_depth", "Records that wait for the database's writer",
             lambda: state().queue_depth),
            ("store_queue_capacity", "Records that may wait for the database's writer",
             lambda: state().queue_capacity),
            ("store_writer_up", "Whether the database's writer lives",
             lambda: float(state().writer_alive)),
        ],
        [
            ("database_pool_busy_seconds_total", "Seconds that connections were in use, summed",
             lambda: state().pool_busy_s),
            ("database_pool_wait_seconds_total", "Seconds waited for a connection, summed",
             lambda: state().pool_wait_s),
            ("store_writer_busy_seconds_total", "Seconds that the writer was writing",
             lambda: state().writer_busy_s),
            ("store_batches_total", "Transactions of the writer", lambda: state().batches),
            ("store_rows_total", "Records handed to the writer", lambda: state().rows),
        ],
    )  # fmt: skip


def watch_process(
    metrics: Metrics,
    lag: LoopLag,
    connections: Callable[[], float],
    log: JsonLog,
    cache: MemoryPricingCache,
) -> None:
    """The event loop, what comes in, and what is lost on the way out."""
    metrics.watch(
        [
            ("active_connections", "Number of active connections", connections),
            ("http_requests_in_flight", "Requests being worked on", lambda: metrics.in_flight),
            ("event_loop_lag_seconds", "How late the event loop ran what was due, last time",
             lag.last),
            ("event_loop_lag_max_seconds", "The latest since the previous scrape", lag.take_max),
        ],
        [
            ("log_lines_dropped_total", "Log lines that were lost", lambda: log.dropped),
            ("pricing_cache_hits_total", "Prices found in the cache", lambda: cache.hits),
            ("pricing_cache_misses_total", "Prices fetched", lambda: cache.misses),
            ("pricing_cache_evictions_total", "Prices thrown out before their time",
             lambda: cache.evictions),
        ],
    )  # fmt: skip


def watch_notifier(metrics: Metrics, notifier: Notifier) -> None:
    """Notifications."""
    state = notifier.state
    metrics.watch(
        [
            ("notification_queue_depth", "Notifications that wait", lambda: state().depth),
            ("notification_queue_capacity", "Notifications that may wait",
             lambda: state().capacity),
        ],
        [
            ("notifications_queued_total", "Notifications taken", lambda: state().queued),
            ("notifications_delivered_total", "Notifications delivered",
             lambda: state().delivered),
            ("notifications_dropped_total", "Notifications lost to a full queue",
             lambda: state().dropped),
        ],
    )  # fmt: skip


class _Locks:
    """Locks that requests queue for; no series before there is the first one."""

    def __init__(self, locks: Callable[[], Sequence[Lock]]) -> None:
        self._locks = locks

    def collect(self) -> Iterable[Metric]:
        """Ask them."""
        found = self._locks()
        if not found:
            return
        waiting, held = sum(lock.waiting for lock in found), sum(lock.held_s for lock in found)
        yield GaugeMetricFamily(
            "step_lock_waiting", "Requests that wait for a lock in a step", value=waiting
        )
        yield CounterMetricFamily(
            "step_lock_busy_seconds", "Seconds that a lock in a step was held", value=held
        )

    def describe(self) -> Iterable[Metric]:
        """Nothing is registered by name."""
        return ()


def watch_locks(metrics: Metrics, locks: Callable[[], Sequence[Lock]]) -> None:
    """What the `lock` fault makes requests queue for."""
    metrics.registry.register(_Locks(locks))


def watch_spans(metrics: Metrics, processor: CountingProcessor | None) -> None:
    """Spans; all zero without tracing, so that the names are always there."""

    def of(name: str) -> Callable[[], float]:
        return lambda: float(getattr(processor, name, 0))

    metrics.watch(
        [("otel_span_queue_depth", "Spans that wait to be exported", of("depth"))],
        [
            ("otel_dropped_spans_total", "Spans lost to a full queue or a failed export",
             of("dropped")),
            ("otel_exported_spans_total", "Spans a collector has taken", of("exported")),
        ],
    )  # fmt: skip
