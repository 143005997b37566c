"""Which metrics are rate, errors, duration and saturation, by the habits of common libraries."""

from __future__ import annotations

import re

import pytest

from loadkit.analyse.roles import guess
from loadkit.collect.exposition import read_exposition
from loadkit.errors import UsageError
from loadkit.model.roles import Guess, MetricInfo, Roles
from loadkit.model.selector import Matcher, Selector, parse_selector, parse_share

SHOP = """\
# TYPE shop_orders_handled_total counter
shop_orders_handled_total{result="ok"} 1
shop_orders_handled_total{result="failed"} 0
# TYPE shop_handle_seconds histogram
shop_handle_seconds_bucket{le="0.1"} 1
shop_handle_seconds_bucket{le="+Inf"} 1
shop_handle_seconds_sum 1
shop_handle_seconds_count 1
# TYPE shop_queue_depth gauge
shop_queue_depth 1
# TYPE shop_queue_capacity gauge
shop_queue_capacity 1
# TYPE shop_workers gauge
shop_workers 1
# TYPE shop_workers_busy gauge
shop_workers_busy 1
# TYPE process_open_fds gauge
process_open_fds 1
# TYPE process_max_fds gauge
process_max_fds 1
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 1
"""

PROMETHEUS = """\
# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile="0.5"} 1
go_gc_duration_seconds_sum 1
go_gc_duration_seconds_count 1
# TYPE promhttp_metric_handler_requests_total counter
promhttp_metric_handler_requests_total{code="200"} 900
# TYPE prometheus_http_requests_total counter
prometheus_http_requests_total{code="200",handler="/api/v1/query"} 1
# TYPE prometheus_http_request_duration_seconds histogram
prometheus_http_request_duration_seconds_bucket{handler="/api/v1/query",le="0.1"} 1
prometheus_http_request_duration_seconds_bucket{handler="/api/v1/query",le="+Inf"} 1
prometheus_http_request_duration_seconds_sum{handler="/api/v1/query"} 1
prometheus_http_request_duration_seconds_count{handler="/api/v1/query"} 1
# TYPE prometheus_http_response_size_bytes histogram
prometheus_http_response_size_bytes_bucket{handler="/api/v1/query",le="+Inf"} 1
prometheus_http_response_size_bytes_sum{handler="/api/v1/query"} 1
prometheus_http_response_size_bytes_count{handler="/api/v1/query"} 1
# TYPE prometheus_engine_query_duration_seconds summary
prometheus_engine_query_duration_seconds{slice="inner_eval",quantile="0.5"} 1
prometheus_engine_query_duration_seconds_sum{slice="inner_eval"} 1
prometheus_engine_query_duration_seconds_count{slice="inner_eval"} 1
# TYPE prometheus_engine_queries gauge
prometheus_engine_queries 1
# TYPE prometheus_engine_queries_concurrent_max gauge
prometheus_engine_queries_concurrent_max 20
# TYPE prometheus_notifications_queue_length gauge
prometheus_notifications_queue_length 0
# TYPE prometheus_notifications_queue_capacity gauge
prometheus_notifications_queue_capacity 10000
# TYPE prometheus_tsdb_head_max_time gauge
prometheus_tsdb_head_max_time 1
# TYPE prometheus_tsdb_head_min_time gauge
prometheus_tsdb_head_min_time 1
# TYPE prometheus_tsdb_head_samples_appended_total counter
prometheus_tsdb_head_samples_appended_total 1
# TYPE process_virtual_memory_bytes gauge
process_virtual_memory_bytes 1
# TYPE process_virtual_memory_max_bytes gauge
process_virtual_memory_max_bytes 1
# TYPE process_open_fds gauge
process_open_fds 1
# TYPE process_max_fds gauge
process_max_fds 1
"""

SPRING = """\
# TYPE http_server_requests_seconds summary
http_server_requests_seconds_count{exception="None",outcome="SUCCESS",status="200",uri="/a"} 1
http_server_requests_seconds_sum{exception="None",outcome="SUCCESS",status="200",uri="/a"} 1
# TYPE http_server_requests_seconds_max gauge
http_server_requests_seconds_max{exception="None",outcome="SUCCESS",status="200",uri="/a"} 1
# TYPE http_client_requests_seconds summary
http_client_requests_seconds_count{outcome="SUCCESS",status="200",uri="/b"} 1
http_client_requests_seconds_sum{outcome="SUCCESS",status="200",uri="/b"} 1
# TYPE hikaricp_connections gauge
hikaricp_connections{pool="main"} 10
# TYPE hikaricp_connections_active gauge
hikaricp_connections_active{pool="main"} 1
# TYPE hikaricp_connections_idle gauge
hikaricp_connections_idle{pool="main"} 1
# TYPE hikaricp_connections_max gauge
hikaricp_connections_max{pool="main"} 10
# TYPE hikaricp_connections_min gauge
hikaricp_connections_min{pool="main"} 10
# TYPE hikaricp_connections_pending gauge
hikaricp_connections_pending{pool="main"} 0
# TYPE hikaricp_connections_acquire_seconds summary
hikaricp_connections_acquire_seconds_count{pool="main"} 0
hikaricp_connections_acquire_seconds_sum{pool="main"} 0
# TYPE tomcat_threads_busy_threads gauge
tomcat_threads_busy_threads 1
# TYPE tomcat_threads_current_threads gauge
tomcat_threads_current_threads 10
# TYPE tomcat_threads_config_max_threads gauge
tomcat_threads_config_max_threads 200
# TYPE executor_active_threads gauge
executor_active_threads 1
# TYPE executor_pool_size_threads gauge
executor_pool_size_threads 5
# TYPE executor_pool_max_threads gauge
executor_pool_max_threads 5
# TYPE jvm_memory_used_bytes gauge
jvm_memory_used_bytes{area="heap",id="Old"} 1
# TYPE jvm_memory_committed_bytes gauge
jvm_memory_committed_bytes{area="heap",id="Old"} 1
# TYPE jvm_memory_max_bytes gauge
jvm_memory_max_bytes{area="heap",id="Old"} 1
# TYPE process_files_open_files gauge
process_files_open_files 1
# TYPE process_files_max_files gauge
process_files_max_files 1
# TYPE process_cpu_usage gauge
process_cpu_usage 0.1
# TYPE disk_free_bytes gauge
disk_free_bytes 1
# TYPE disk_total_bytes gauge
disk_total_bytes 1
# TYPE cache_hit_ratio gauge
cache_hit_ratio 0.9
# TYPE worker_utilization gauge
worker_utilization 0.4
"""

FASTAPI = """\
# TYPE http_requests_total counter
http_requests_total{handler="/a",method="GET",status="2xx"} 1
# TYPE http_request_size_bytes summary
http_request_size_bytes_count{handler="/a"} 1
http_request_size_bytes_sum{handler="/a"} 1
# TYPE http_request_duration_highr_seconds histogram
http_request_duration_highr_seconds_bucket{le="+Inf"} 1
http_request_duration_highr_seconds_sum 1
http_request_duration_highr_seconds_count 1
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{handler="/a",method="GET",le="+Inf"} 1
http_request_duration_seconds_sum{handler="/a",method="GET"} 1
http_request_duration_seconds_count{handler="/a",method="GET"} 1
"""

FLASK = """\
# TYPE flask_http_request_duration_seconds histogram
flask_http_request_duration_seconds_bucket{le="+Inf",method="GET",path="/",status="200"} 1
flask_http_request_duration_seconds_sum{method="GET",path="/",status="200"} 1
flask_http_request_duration_seconds_count{method="GET",path="/",status="200"} 1
# TYPE flask_http_request_total counter
flask_http_request_total{method="GET",status="200"} 1
# TYPE flask_http_request_exceptions_total counter
flask_http_request_exceptions_total 1
"""

GO = """\
# TYPE promhttp_metric_handler_requests_total counter
promhttp_metric_handler_requests_total{code="200"} 1
# TYPE api_requests_total counter
api_requests_total{code="200",method="get"} 1
# TYPE request_duration_seconds histogram
request_duration_seconds_bucket{code="200",le="+Inf"} 1
request_duration_seconds_sum{code="200"} 1
request_duration_seconds_count{code="200"} 1
# TYPE go_sql_in_use_connections gauge
go_sql_in_use_connections 1
# TYPE go_sql_open_connections gauge
go_sql_open_connections 1
# TYPE go_sql_idle_connections gauge
go_sql_idle_connections 1
# TYPE go_sql_max_open_connections gauge
go_sql_max_open_connections 1
# TYPE go_memstats_alloc_bytes gauge
go_memstats_alloc_bytes 1
"""

GRPC = """\
# TYPE grpc_server_handled_total counter
grpc_server_handled_total{grpc_code="OK",grpc_method="a"} 1
# TYPE grpc_server_started_total counter
grpc_server_started_total{grpc_method="a"} 1
# TYPE grpc_server_handling_seconds histogram
grpc_server_handling_seconds_bucket{grpc_method="a",le="+Inf"} 1
grpc_server_handling_seconds_sum{grpc_method="a"} 1
grpc_server_handling_seconds_count{grpc_method="a"} 1
# TYPE grpc_client_handled_total counter
grpc_client_handled_total{grpc_code="OK",grpc_method="a"} 1
"""

GRPC_ERRORS = "(?i:unknown|deadline_?exceeded|unimplemented|internal|unavailable|data_?loss)"
EXPECTED = {
    "shop": (
        SHOP,
        "shop_orders_handled_total",
        'shop_orders_handled_total{result="failed"}',
        "shop_handle_seconds",
        {
            "process_open_fds / process_max_fds",
            "shop_queue_depth / shop_queue_capacity",
            "shop_workers_busy / shop_workers",
        },
    ),
    "prometheus": (
        PROMETHEUS,
        "prometheus_http_requests_total",
        'prometheus_http_requests_total{code=~"5.."}',
        "prometheus_http_request_duration_seconds",
        {
            "process_open_fds / process_max_fds",
            "prometheus_engine_queries / prometheus_engine_queries_concurrent_max",
            "prometheus_notifications_queue_length / prometheus_notifications_queue_capacity",
        },
    ),
    "spring": (
        SPRING,
        "http_server_requests_seconds_count",
        'http_server_requests_seconds_count{status=~"5.."}',
        "http_server_requests_seconds",
        {
            "hikaricp_connections_active / hikaricp_connections_max",
            "tomcat_threads_busy_threads / tomcat_threads_config_max_threads",
            "executor_active_threads / executor_pool_max_threads",
            "jvm_memory_used_bytes / jvm_memory_max_bytes",
            "process_files_open_files / process_files_max_files",
            "1 - disk_free_bytes / disk_total_bytes",
            "process_cpu_usage",
            "worker_utilization",
        },
    ),
    "fastapi": (
        FASTAPI,
        "http_requests_total",
        'http_requests_total{status=~"5.."}',
        "http_request_duration_seconds",
        set(),
    ),
    "flask": (
        FLASK,
        "flask_http_request_duration_seconds_count",
        'flask_http_request_duration_seconds_count{status=~"5.."}',
        "flask_http_request_duration_seconds",
        set(),
    ),
    "go": (
        GO,
        "api_requests_total",
        'api_requests_total{code=~"5.."}',
        "request_duration_seconds",
        {"go_sql_in_use_connections / go_sql_max_open_connections"},
    ),
    "grpc": (
        GRPC,
        "grpc_server_handled_total",
        f'grpc_server_handled_total{{grpc_code=~"{GRPC_ERRORS}"}}',
        "grpc_server_handling_seconds",
        set(),
    ),
}


def of(text: str, declared: bool = True) -> Guess:
    found = read_exposition(text)
    return guess(found.infos if declared else (), found.series)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "by series"])
@pytest.mark.parametrize("name", EXPECTED)
def test_common_libraries_are_understood(name: str, declared: bool) -> None:
    text, rate, errors, duration, shares = EXPECTED[name]
    found = of(text, declared)
    assert (found.roles.rate, found.roles.errors, found.roles.duration) == (rate, errors, duration)
    assert set(found.roles.saturation) == shares
    assert all(choice.reason for choice in found.choices)
    assert ("saturation" in found.missing) == (not shares)


def test_the_count_of_scrapes_is_no_traffic() -> None:
    found = of(
        "# TYPE promhttp_metric_handler_requests_total counter\n"
        'promhttp_metric_handler_requests_total{code="200"} 5\n'
        "# TYPE python_gc_collections_total counter\n"
        "python_gc_collections_total 1\n"
    )
    assert found.roles == Roles()
    assert set(found.missing) == {"rate", "errors", "duration", "saturation"}


def test_the_counter_that_grew_as_the_load_sent_is_preferred() -> None:
    text = (
        "# TYPE a_requests_total counter\na_requests_total 1\n"
        "# TYPE b_requests_total counter\nb_requests_total 1\n"
    )
    found = read_exposition(text)
    grown = guess(
        found.infos, found.series, {"a_requests_total": 3.0, "b_requests_total": 990}, 1e3
    )
    assert grown.roles.rate == "b_requests_total"
    assert grown.rate is not None
    assert "grew by 990 while 1,000 requests were sent" in grown.rate.reason
    assert of(text).roles.rate == "a_requests_total"


@pytest.mark.parametrize(
    ("label", "values", "errors"),
    [
        ("outcome", ("ok", "error"), '{outcome="error"}'),
        ("result", ("success", "timeout", "failed"), '{result=~"failed|timeout"}'),
        ("success", ("true", "false"), '{success=~"false"}'),
        ("exception", ("None", "ValueError"), '{exception="ValueError"}'),
        ("code", ("200", "500"), '{code=~"5.."}'),
        ("status_code", ("2xx", "5xx"), '{status_code=~"5.."}'),
    ],
)
def test_errors_are_told_by_the_values_of_labels(
    label: str, values: tuple[str, ...], errors: str
) -> None:
    lines = [f'x_requests_total{{{label}="{value}"}} 1\n' for value in values]
    found = of("# TYPE x_requests_total counter\n" + "".join(lines))
    assert found.roles.errors == f"x_requests_total{errors}"


def test_a_counter_of_failures_of_the_same_make_serves() -> None:
    found = of(
        "# TYPE x_requests_total counter\nx_requests_total 1\n"
        "# TYPE x_request_failures_total counter\nx_request_failures_total 1\n"
        "# TYPE y_errors_total counter\ny_errors_total 1\n"
    )
    assert found.roles.errors == "x_request_failures_total"


def test_success_without_a_failure_seen_gives_a_pattern_that_finds_one() -> None:
    found = of('# TYPE x_jobs_processed_total counter\nx_jobs_processed_total{result="ok"} 1\n')
    assert found.errors is not None
    assert isinstance(found.errors.metric, Selector)
    assert not found.errors.metric.holds({"result": "ok"})
    assert found.errors.metric.holds({"result": "Failed"})
    assert found.errors.metric.holds({"result": "timeout"})


def test_milliseconds_and_summaries_are_durations_too() -> None:
    infos = [MetricInfo("app_request_latency_ms", "summary")]
    series = [("app_request_latency_ms", {"quantile": "0.99"}), ("app_request_latency_ms_sum", {}),
              ("app_request_latency_ms_count", {})]  # fmt: skip
    found = guess(infos, series)
    assert found.duration is not None
    assert (found.roles.duration, found.duration.kind) == ("app_request_latency_ms", "summary")
    assert "unit ms" in found.duration.reason


def test_a_gauge_that_tells_used_and_idle_apart_by_a_label_is_narrowed() -> None:
    found = of(
        "# TYPE db_client_connections_usage gauge\n"
        'db_client_connections_usage{state="used"} 1\ndb_client_connections_usage{state="idle"} 1\n'
        "# TYPE db_client_connections_max gauge\ndb_client_connections_max 10\n"
    )
    assert found.roles.saturation == (
        'db_client_connections_usage{state="used"} / db_client_connections_max',
    )


def test_busy_seconds_are_set_against_how_many_there_are() -> None:
    found = of(
        "# TYPE pool_busy_seconds_total counter\npool_busy_seconds_total 1\n"
        "# TYPE pool_size gauge\npool_size 4\n"
        "# TYPE writer_busy_seconds_total counter\nwriter_busy_seconds_total 1\n"
    )
    assert found.roles.saturation == (
        "pool_busy_seconds_total / pool_size",
        "writer_busy_seconds_total",
    )


# -- selectors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "up",
        'http_requests_total{status=~"5..",path!="/health"}',
        r'x{path=~"/a\\.b|\"c\""}',
        "a:b:rate5m",
    ],
)
def test_selectors_are_read_and_written_alike(text: str) -> None:
    assert str(parse_selector(text, "x")) == text
    assert parse_selector(str(parse_selector(text, "x")), "x") == parse_selector(text, "x")


def test_matchers_take_a_label_that_is_not_there_for_empty() -> None:
    assert Matcher("a", "=", "").holds({})
    assert Matcher("a", "!=", "x").holds({})
    assert not Matcher("a", "=~", ".+").holds({})
    assert not Matcher("a", "=~", "5").holds({"a": "500"})  # the whole value
    assert Matcher("a", "!~", "5..").holds({"a": "404"})


@pytest.mark.parametrize("text", ["a / b", "1 - a / b", "1 - a", 'a{x="1"} / b{y="2"}', "a"])
def test_shares_are_read_and_written_alike(text: str) -> None:
    assert str(parse_share(text, "x")) == text


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("rate", "{a=1}", "does not begin with the name of a metric"),
        ("rate", "a{b=1}", "its braces do not hold"),
        ("rate", 'a{b="1"', "its braces are not closed"),
        ("errors", 'a{b=~"("}', "is no pattern"),
        ("duration", "a b", "'b' follows the selector"),
        ("rate", 5, "is not a text"),
        ("saturation", ["a / b / c"], "'/ c' follows it"),
        ("saturation", "a * b", "is not a division by a metric"),
        ("saturation", 3, "must be a list of texts"),
        ("speed", "a", "is not known"),
    ],
)
def test_wrong_corrections_name_the_setting(key: str, value: object, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        Roles.from_settings({key: value})
    assert "[signals]" in str(caught.value)


def test_corrections_survive_the_manifest() -> None:
    said = Roles("a", 'a{c=~"5.."}', "d_seconds", ("x / y",))
    assert Roles.from_settings(said.as_dict()) == said
    assert Roles().as_dict() == {}
