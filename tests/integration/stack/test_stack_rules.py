"""Rule files against the promtool of the very Prometheus that is to load them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from loadkit.alerts import promtool
from loadkit.alerts.prepare import PreparedRules, prepare_rules
from loadkit.errors import UsageError
from loadkit.stack import binaries
from loadkit.stack.prometheus_config import EMBEDDED_JOBS

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def tool() -> Path:
    return binaries.ensure(lambda _: None, ["promtool"])["promtool"].path


def prepare(tool: Path, source: str | Path) -> PreparedRules:
    return prepare_rules(str(source), promtool_path=tool, jobs=EMBEDDED_JOBS)


def test_corrected_rules_load_and_the_database_alert_is_withheld(tool: Path) -> None:
    rules = prepare(tool, "corrected")
    assert [name for name, _ in rules.files] == ["alerts.yml", "recording-rules.yml"]
    assert [(a.name, a.for_s, a.scaled_for_s, a.severity) for a in rules.alerts] == [
        ("HighErrorRate", 300, 20, "critical"),
        ("SlowResponseTime", 300, 20, "warning"),
        ("HighCPUUsage", 600, 40, "warning"),
        ("HighMemoryUsage", 300, 20, "critical"),
        ("DiskSpaceLow", 300, 20, "warning"),
        ("SLOViolation-Availability", 3600, 240, "warning"),
    ]
    assert {(a.interval_s, a.scaled_interval_s) for a in rules.alerts} == {(30, 2)}
    assert "[20s]" in rules.alerts[0].scaled_expr
    assert "[5m]" in rules.alerts[0].expr
    assert [(w.name, w.kind, w.job) for w in rules.withheld] == [
        ("DatabaseDown", "alert", "postgres")
    ]
    assert rules.refused == ()


def test_of_the_guide_the_file_that_prometheus_refuses_is_left_out_and_told(tool: Path) -> None:
    rules = prepare(tool, "guide")
    assert [name for name, _ in rules.files] == ["alerts.yml"]
    assert len(rules.alerts) == 5
    assert [w.name for w in rules.withheld] == ["DatabaseDown"]
    (refused,) = rules.refused
    assert (refused.file, refused.name) == ("recording-rules.yml", None)
    assert "yaml" in refused.reason


BROKEN = """\
groups:
  - name: g
    rules:
      - alert: Bad
        expr: rate(foo
      - record: bad:x
        expr: rate(up)
      - alert: ReadsBad
        expr: bad:x > 1
      - alert: Good
        expr: up == 0
"""


def test_a_broken_file_is_refused_with_promtools_words(tool: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(BROKEN)
    with pytest.raises(UsageError) as error:
        prepare(tool, path)
    assert error.value.exit_status == 2
    assert str(error.value).startswith(f"{path}: Prometheus refuses the rule file:")
    assert "line 5: Bad in g: could not parse expression" in str(error.value)
    assert "unclosed left parenthesis" in str(error.value)


def test_of_the_guide_only_the_refused_rules_are_left_out(
    tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "alerts.yml"
    path.write_text(BROKEN)
    monkeypatch.setattr("loadkit.alerts.prepare.config_file", lambda *_: path)
    monkeypatch.setattr("loadkit.alerts.prepare.RULE_FILES", ("alerts.yml",))
    monkeypatch.setattr("loadkit.alerts.prepare._default_interval_ms", lambda: 15_000)
    rules = prepare(tool, "guide")
    assert [alert.name for alert in rules.alerts] == ["Good"]
    assert [(r.file, r.name, r.line) for r in rules.refused] == [
        ("alerts.yml", "Bad", 4),
        ("alerts.yml", "bad:x", 6),
    ]
    assert "unclosed left parenthesis" in rules.refused[0].reason
    assert [(w.name, w.reason) for w in rules.withheld] == [
        ("ReadsBad", "it reads bad:x, which is not there: Prometheus refuses bad:x")
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "yaml"),
        (b"groups:\n- name: a\n  rules:\n  - alert: X\n    expr: up\n    for: 5x\n", "5x"),
        (b"- alert: X\n", "cannot unmarshal"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_other_broken_files(tool: Path, tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mine.yml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        prepare(tool, path)


def test_a_file_that_is_not_there_or_none(tool: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the rule file does not exist") as error:
        prepare(tool, tmp_path / "nothing.yml")
    assert "one of: guide, corrected" in str(error.value)
    with pytest.raises(UsageError, match="the rule file is not a file"):
        prepare(tool, tmp_path)


def test_a_file_of_ones_own_loads_and_says_what_depends_on_the_scale(
    tool: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(
        "groups:\n- name: g\n  rules:\n  - alert: Many\n    expr: increase(x[10s]) > 5\n"
        "    keep_firing_for: 1m\n"
    )
    rules = prepare(tool, path)
    assert rules.source == str(path)
    (alert,) = rules.alerts
    assert alert.window_sized == ("increase",)
    assert (alert.interval_s, alert.scaled_interval_s, alert.severity) == (15, 1, None)
    ((name, text),) = rules.files
    assert name == "mine.yml"
    rule = yaml.safe_load(text)["groups"][0]["rules"][0]
    assert rule["expr"] == "increase(x[667ms]) > 5"
    assert rule["keep_firing_for"] == "4s"
    assert promtool.check(tool, name, text) == ()
