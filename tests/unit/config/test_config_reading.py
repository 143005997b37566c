"""loadkit.toml: what is read, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadkit.config import Config, load_config, with_options
from loadkit.errors import UsageError

WHOLE = """\
[service]
url = "http://127.0.0.1:8000/"
[run]
stack = "external"
reports = "out"
max_rate = 500
trace_ratio = 0.5
fail_on = "error"
metrics_listen = "127.0.0.1:9646"
[targets]
allow = ["staging.example"]
[prometheus]
url = "http://127.0.0.1:9090/prometheus"
jobs = [
  "shop",   # one a line
  "node",
]
selector = '{namespace="shop", pod=~"web-[0-9]+"}'
tenant = "team-a"
headers = { Authorization = "Bearer env:PROM_AUTH", X-Team = "shop" }
ca_file = "ca.pem"
cert_file = "client.pem"
key_file = "client.key"
[alertmanager]
url = "http://127.0.0.1:9093"
verify = false
[metrics]
urls = ["http://127.0.0.1:8000/metrics"]
interval = "500ms"
[rules]
files = ["rules/*.yml"]
[[process]]
name = "shop"
pid = 4711
memory = true
[[process]]
command = "gunicorn"
profile = false
[[process]]
port = 8000
[[log]]
file = "logs/shop.log"
[signals]
rate = "http_requests_total"
errors = 'http_requests_total{status=~"5.."}'
duration = "http_request_duration_seconds"
saturation = ["queue_depth / queue_capacity"]
[abort]
errors = "50 % for 10 s"
slo = ["p95 < 300 ms for 20 s"]
promql = ["up == 0 for 5 s"]
"""


def read(folder: Path, text: str, **environment: str) -> Config:
    (folder / "loadkit.toml").write_text(text)
    return load_config(folder, environment)


def refused(folder: Path, text: str, **environment: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(folder, text, **environment)
    return str(caught.value)


def test_everything_that_the_file_can_say(tmp_path: Path) -> None:
    config = read(tmp_path, WHOLE)
    assert config.service.url == "http://127.0.0.1:8000"
    assert (config.run.stack, config.run.max_rate, config.run.trace_ratio) == ("external", 500, 0.5)
    assert config.run.reports == tmp_path / "out"
    assert config.run.fail_on == "error"
    assert config.run.metrics_listen == "127.0.0.1:9646"
    assert config.allowed_targets == ("127.0.0.1", "::1", "localhost", "staging.example")
    assert config.prometheus.jobs == ("shop", "node")
    assert config.prometheus.selector == '{namespace="shop",pod=~"web-[0-9]+"}'
    assert config.prometheus.tenant == "team-a"
    assert config.prometheus.verify
    assert config.prometheus.key_file == tmp_path / "client.key"
    assert not config.alertmanager.verify
    assert config.metrics.interval == 0.5
    assert config.rules.files == ("rules/*.yml",)
    shop, gunicorn, port = config.processes
    assert (shop.name, shop.pid, shop.profile, shop.memory) == ("shop", 4711, True, True)
    assert (gunicorn.name, gunicorn.command, gunicorn.profile) == ("gunicorn", "gunicorn", False)
    assert (port.name, port.port) == ("port 8000", 8000)
    assert (config.logs[0].name, config.logs[0].file) == ("shop", tmp_path / "logs/shop.log")
    assert config.signals.saturation == ("queue_depth / queue_capacity",)
    assert config.abort.errors == "50 % for 10 s"
    assert config.abort.promql == ("up == 0 for 5 s",)


def test_each_value_knows_its_line(tmp_path: Path) -> None:
    config = read(tmp_path, WHOLE)
    lines = WHOLE.splitlines()
    for key in config.origins:
        word = key.rpartition(".")[2]
        file, _, number = config.origin(key).partition(":")
        assert file == "loadkit.toml"
        assert lines[int(number) - 1].startswith(f"{word} ="), key
    assert config.origin("process.2.port") == f"loadkit.toml:{lines.index('port = 8000') + 1}"
    assert config.origin("prometheus.verify") == "default"


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_config(tmp_path, {}) == Config()
    assert Config().run.trace_ratio == 1.0
    assert Config().run.reports == Path("reports")


def test_the_environment_is_stronger_than_the_file(tmp_path: Path) -> None:
    environment = {
        "LOADKIT_SERVICE_URL": "http://user:secret@127.0.0.1:1",
        "LOADKIT_RUN_MAX_RATE": "12.5",
        "LOADKIT_ALERTMANAGER_VERIFY": "yes",
        "LOADKIT_METRICS_INTERVAL": "2s",
        "LOADKIT_RUN_TRACE_RATIO": "  ",  # set to nothing is not set
    }
    config = read(tmp_path, WHOLE, **environment)
    assert config.service.url == "http://user:secret@127.0.0.1:1"
    assert config.origin("service.url") == "environment LOADKIT_SERVICE_URL"
    assert config.run.max_rate == 12.5
    assert config.alertmanager.verify
    assert config.metrics.interval == 2.0
    assert config.run.trace_ratio == 0.5
    assert config.origin("run.trace_ratio") == "loadkit.toml:7"


def test_a_variable_that_is_wrong_is_named(tmp_path: Path) -> None:
    told = refused(tmp_path, "", LOADKIT_RUN_MAX_RATE="many")
    assert told.startswith("environment variable LOADKIT_RUN_MAX_RATE: must be a number above 0\n")


def test_an_option_is_stronger_than_all(tmp_path: Path) -> None:
    config = read(tmp_path, WHOLE, LOADKIT_RUN_MAX_RATE="7")
    laid = with_options(
        config,
        {
            "run.max_rate": ("--max-rate", 9.0),
            "run.fail_on": ("--fail-on", None),
            "prometheus.jobs": ("--prometheus-job", ("other",)),
            "process": ("--pid", 1),
        },
    )
    assert laid.run.max_rate == 9.0
    assert laid.origin("run.max_rate") == "option --max-rate"
    assert laid.run.fail_on == "error"
    assert laid.origin("run.fail_on") == "loadkit.toml:8"
    assert laid.prometheus.jobs == ("other",)
    assert [(one.name, one.pid) for one in laid.processes] == [("pid 1", 1)]
    assert laid.origin("process.0.pid") == "option --pid"
    assert laid.origin("process.1.command") == "default"
    assert config.run.max_rate == 7  # the one before is as it was
    with pytest.raises(UsageError, match="--max-rate: must be a number above 0"):
        with_options(config, {"run.max_rate": ("--max-rate", -1.0)})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[service]\nulr = "x"', ":2: [service] ulr is not known\nDid you mean url? "),
        ('[sevice]\nurl = "x"', ":1: section [sevice] is not known\nDid you mean [service]? "),
        ('\nurl = "x"', ":2: url stands in no section\n"),
        ("[run]\nmax_rate = true", ":2: [run] max_rate must be a number above 0\n"),
        ("[run]\nmax_rate = inf", ":2: [run] max_rate must be a number above 0\n"),
        ("[run]\nmax_rate = 0", ":2: [run] max_rate must be a number above 0\n"),
        ('[run]\nstack = "externl"', "(meant external?)"),
        ("[run]\ntrace_ratio = 1.1", "must be a number from 0 to 1"),
        ('[run]\nmetrics_listen = "9646"', "must be HOST:PORT"),
        ('[targets]\nallow = "x"', "must be a list of hosts"),
        ('[targets]\nallow = ["https://x"]', "without scheme or port"),
        ('[prometheus]\nurl = "prom:9090"', "must be a URL"),
        ('[prometheus]\nurl = "http://u:hunter2@h"', "must carry no user and password"),
        ('[prometheus]\nselector = "{x}"', "must be matchers"),
        ('[prometheus]\nverify = "no"', "must be true or false"),
        ('[prometheus]\nkey_file = "k"', "key_file needs a cert_file"),
        ('[prometheus]\nverify = false\nca_file = "c"', "makes ca_file useless"),
        ('[metrics]\ninterval = "soon"', 'such as "1s"'),
        ('[metrics]\nurls = ["ftp://x"]', "must be a URL"),
        ("[process]\npid = 1", "Write [[process]]."),
        ("[[process]]\nprofile = true", "names neither pid, command nor port"),
        ("\n[[process]]\npid = 1\nport = 2", ":2: [[process]] names pid and port at once"),
        ("[[process]]\npid = 0", "must be a whole number above 0"),
        ('[[process]]\npid = 1\nname = "generator"', "as a process of loadkit is"),
        ('[[log]]\nname = "x"', "[[log]] names no file"),
        ('[[log]]\nfile = "a.log"\n\n[[log]]\nfile = "b/a.log"', ":4: [[log]] 'a' is there twice"),
        ("[signals]\nrate = 'rate(x[1m])'", "must be a metric or a selector"),
        ("[prometheus", ":1: not valid TOML"),
        ('[service]\n\nurl = "http://x', ":3: not valid TOML: Unterminated string"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    said = refused(tmp_path, text)
    assert said.startswith("loadkit.toml:")
    assert told in said
    assert "hunter2" not in said
    assert "\n" in said  # what to do about it


@pytest.mark.parametrize(
    "header",
    ['Authorization = "Bearer s3cret"', 'Cookie = "s3cret"', 'X-Api-Key = "s3cret"',
     'Private-Token = "s3cret"', 'X-Team = "env:"', 'X-Team = ["s3cret"]', '"a b" = "s3cret"'],
)  # fmt: skip
def test_a_secret_does_not_belong_in_the_file(tmp_path: Path, header: str) -> None:
    said = refused(tmp_path, f"[prometheus]\nheaders = {{ {header} }}")
    assert said.startswith("loadkit.toml:2: [prometheus] headers ")
    assert "s3cret" not in said


def test_secrets_are_read_late_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-a-file\n")
    config = read(
        tmp_path,
        '[prometheus]\nheaders = { Authorization = "Bearer env:T", Cookie = "file:token", '
        'X-Team = "shop" }',
    )
    authorization, cookie, team = config.prometheus.headers.values()
    assert authorization.reveal({"T": "planted"}) == "Bearer planted"
    assert cookie.reveal() == "of-a-file"
    assert team.reveal() == "shop"
    assert "shop" not in repr(config.prometheus.headers["X-Team"])
    assert str(authorization) == "Bearer env:T"
    with pytest.raises(UsageError, match="env:T: is not set or empty"):
        authorization.reveal({})
    (tmp_path / "token").unlink()
    with pytest.raises(UsageError, match="file:token: cannot be read: No such file"):
        cookie.reveal()
