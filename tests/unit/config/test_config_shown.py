"""What people see of the settings, and the page that lists them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadkit.cli import main
from loadkit.config import Config, load_config
from loadkit.config.shape import SECTIONS
from loadkit.config.show import settings
from loadkit.config.strangers import strangers, variables
from loadkit.config.table import table

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_every_setting_with_its_origin_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "loadkit.toml").write_text(
        '[service]\nurl = "http://127.0.0.1:1"\n'
        '[prometheus]\nheaders = { Cookie = "file:c", X-Team = "hunter2-literal" }\n'
        '[[log]]\nfile = "a.log"\n'
    )
    environment = {
        "LOADKIT_SERVICE_URL": "http://me:hunter2-url@127.0.0.1:2",
        "LOADKIT_PROMETHEUS_URL": "http://127.0.0.1:3",
    }
    shown = {one.key: one for one in settings(load_config(tmp_path, environment))}
    assert "hunter2" not in str(shown)
    assert shown["service.url"].text == "http://[removed]@127.0.0.1:2"
    assert shown["service.url"].origin == "environment LOADKIT_SERVICE_URL"
    assert shown["prometheus.headers"].text == (
        "Cookie = file:c, X-Team = (a literal of 15 characters)"
    )
    assert shown["prometheus.headers"].origin == "loadkit.toml:4"
    assert shown["prometheus.jobs"].text == "-"
    assert shown["metrics.interval"].text == "1s"
    assert shown["log.0.file"].origin == "loadkit.toml:6"
    assert {key.partition(".")[0] for key in shown} == {*SECTIONS, "log"}


def test_a_slip_of_the_pen_in_a_variable_is_said() -> None:
    told = strangers({"LOADKIT_PROMETHEUS_ULR": "x", "LOADKIT_RUN_ID": "y", "OTHER": "z"})
    assert [text.removeprefix("environment variable ") for text in told] == [
        "LOADKIT_PROMETHEUS_ULR is not known; is LOADKIT_PROMETHEUS_URL meant?"
    ]
    kubernetes = ["LOADKIT_SERVICE_HOST", "LOADKIT_SERVICE_PORT", "LOADKIT_PORT_80_TCP"]
    assert strangers(dict.fromkeys((*kubernetes, *variables()), "x")) == ()


def test_the_page_has_every_key_as_it_is() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
    assert (
        table().count("\n") == 2 + len(list(settings(Config()))) + 8
    )  # two lists, of 6 and 2 keys


def test_headers_of_a_variable_are_listed_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADKIT_PROMETHEUS_HEADERS", "Authorization: Bearer hunter2-header")
    assert main(["config", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["prometheus.headers.Authorization"] == {
        "value": "(not shown)",
        "origin": "environment LOADKIT_PROMETHEUS_HEADERS",
    }
    assert shown["run.trace_ratio"] == {"value": 1.0, "origin": "default"}
    assert main(["config"]) == 0
    told = capsys.readouterr().out
    assert "hunter2" not in told
    assert told.startswith("setting ")
