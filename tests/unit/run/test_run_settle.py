"""Which of option, environment, file and scenario holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loadkit.config import Config, load_config
from loadkit.errors import UsageError
from loadkit.run.request import RunRequest
from loadkit.run.settle import settle

BARE = RunRequest(file=Path("x.py"))


def config(folder: Path, text: str, **environment: str) -> Config:
    (folder / "loadkit.toml").write_text(text)
    return load_config(folder, environment)


WATCHED = '[prometheus]\nurl = "http://127.0.0.1:9090"\n[[log]]\nfile = "a.log"\n'


@pytest.mark.parametrize(
    ("option", "text", "scenario", "expected"),
    [
        (None, "", None, "none"),
        (None, "", "none", "none"),
        (None, "", "embedded", "embedded"),
        (None, '[run]\nstack = "external"\n' + WATCHED, "embedded", "external"),
        (None, '[run]\nstack = "none"\n' + WATCHED, "embedded", "none"),
        ("embedded", '[run]\nstack = "external"', "none", "embedded"),
        # Who names something to watch and says nothing else wants it watched …
        (None, WATCHED, None, "external"),
        (None, WATCHED, "none", "external"),
        # … but not where the scenario is for the reference service.
        (None, WATCHED, "embedded", "embedded"),
        ("none", WATCHED, None, "none"),
    ],
)
def test_the_stack(
    tmp_path: Path, option: str | None, text: str, scenario: str | None, expected: str
) -> None:
    settled = settle(replace(BARE, stack=option), config(tmp_path, text), scenario)
    assert settled.request.stack == expected
    named = settled.request.sources
    if expected == "external" and "prometheus" in text:
        assert named == ("[prometheus]", "[[log]]")
        assert settled.request.prometheus == "http://127.0.0.1:9090"
    else:
        assert named == ()
        assert settled.request.prometheus is None
        assert settled.config.logs == ()


def test_options_that_name_a_server_mean_the_external_stack(tmp_path: Path) -> None:
    request = replace(BARE, prometheus="http://127.0.0.1:1")
    settled = settle(request, config(tmp_path, '[run]\nstack = "none"\n' + WATCHED), "embedded")
    assert settled.request.stack == "external"
    assert settled.request.prometheus == "http://127.0.0.1:1"
    assert settled.config.origin("prometheus.url") == "option --prometheus"


def test_a_process_id_alone_changes_no_stack_and_replaces_those_of_the_file(
    tmp_path: Path,
) -> None:
    request = replace(BARE, pid=4)
    settled = settle(request, config(tmp_path, "[[process]]\npid = 3\n"), None)
    assert settled.request.stack == "none"
    assert [one.pid for one in settled.config.processes] == [4]
    settled = settle(request, config(tmp_path, WATCHED + "[[process]]\npid = 3\n"), None)
    assert settled.request.stack == "external"
    assert [one.pid for one in settled.config.processes] == [4]


@pytest.mark.parametrize(
    ("option", "variable", "expected"),
    [
        ("127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:1"),
        (None, "http://127.0.0.1:2", "http://127.0.0.1:2"),
        (None, "", "http://127.0.0.1:3"),
    ],
)
def test_the_host(tmp_path: Path, option: str | None, variable: str, expected: str) -> None:
    settings = config(
        tmp_path, '[service]\nurl = "http://127.0.0.1:3"', LOADKIT_SERVICE_URL=variable
    )
    settled = settle(replace(BARE, host=option), settings, None)
    assert settled.request.host == expected
    assert settle(BARE, settings, "embedded").request.host is None  # it starts its own


def test_the_rest_is_filled_in(tmp_path: Path) -> None:
    text = '[run]\nmax_rate = 5\nfail_on = "warning"\n[abort]\nslo = ["p95 < 1 s for 5 s"]\n'
    settings = config(tmp_path, text, LOADKIT_RUN_TRACE_RATIO="0.25")
    settled = settle(replace(BARE, max_rate=7.0, reports=Path("out")), settings, None)
    assert settled.request.max_rate == 7.0
    assert settled.request.fail_on == "warning"
    assert settled.request.trace_ratio == 0.25
    assert settled.request.abort_slo == ("p95 < 1 s for 5 s",)
    assert settled.config.run.reports == Path("out")
    assert settle(BARE, Config(), None).config.run.reports == Path("reports")


def test_an_option_that_is_no_url() -> None:
    with pytest.raises(UsageError, match="--prometheus: 'prom:9090' is not a URL"):
        settle(replace(BARE, prometheus="prom:9090"), Config(), None)
