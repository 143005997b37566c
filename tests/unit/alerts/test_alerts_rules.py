from __future__ import annotations

import pytest
import yaml

from loadkit.alerts.rules import RuleFile
from loadkit.errors import UsageError

TEXT = """\
# a comment
groups:
  - name: first
    interval: 30s
    query_offset: 15s
    rules:
      - alert: A
        expr: &shared rate(x{y="5m"}[5m]) > 0.5
        for: 5m
        keep_firing_for: 10s
        labels: {severity: critical, since: "5m"}
        annotations:
          summary: "for 5m, [5m]"
      - record: r:x
        expr: *shared
  - name: second
    rules:
      - alert: B
        expr: r:x offset 1h
"""


def test_everything_is_divided_but_texts() -> None:
    scaled = yaml.safe_load(RuleFile("f.yml", TEXT).scaled(15).text())
    first, second = scaled["groups"]
    assert (first["interval"], first["query_offset"]) == ("2s", "1s")
    alert, record = first["rules"]
    assert alert == {
        "alert": "A",
        "expr": 'rate(x{y="5m"}[20s]) > 0.5',
        "for": "20s",
        "keep_firing_for": "667ms",
        "labels": {"severity": "critical", "since": "5m"},
        "annotations": {"summary": "for 5m, [5m]"},
    }
    assert record == {"record": "r:x", "expr": 'rate(x{y="5m"}[20s]) > 0.5'}
    assert second == {"name": "second", "rules": [{"alert": "B", "expr": "r:x offset 240s"}]}


def test_a_copy_leaves_the_file_alone_and_keeps_its_lines() -> None:
    file = RuleFile("f.yml", TEXT)
    before = file.text()
    thinned = file.without({("first", 1)}).scaled(15)
    assert file.text() == before
    assert [(r.name, r.line, r.index) for r in file.rules()] == [
        ("A", 7, 1),
        ("r:x", 14, 2),
        ("B", 18, 1),
    ]
    assert [(r.name, r.line) for r in thinned.rules()] == [("r:x", 14), ("B", 18)]


def test_a_group_that_loses_all_its_rules_goes_too() -> None:
    left = yaml.safe_load(RuleFile("f.yml", TEXT).without({("second", 1)}).text())
    assert [group["name"] for group in left["groups"]] == ["first"]


def test_what_a_rule_says() -> None:
    alert = RuleFile("f.yml", TEXT).rules()[0]
    assert (alert.kind, alert.group, alert.file) == ("alert", "first", "f.yml")
    assert (alert.interval_ms, alert.for_ms, alert.keep_firing_for_ms) == (30_000, 300_000, 10_000)
    assert alert.labels == {"severity": "critical", "since": "5m"}
    assert alert.annotations == {"summary": "for 5m, [5m]"}


def test_spellings_survive() -> None:
    # PyYAML would read these as an integer, a boolean and a float; Prometheus reads text.
    text = "groups:\n- name: 1:30\n  rules:\n  - record: a\n    expr: 1e3\n    labels: {a: yes}\n"
    assert RuleFile("f.yml", text).scaled(15).text() == text


@pytest.mark.parametrize("text", ["", "groups: []", "a: 1", "- alert: x", "groups: {a: b}"])
def test_files_without_rules_have_none(text: str) -> None:
    assert RuleFile("f.yml", text).scaled(15).rules() == ()


def test_broken_yaml_is_the_users_to_mend() -> None:
    with pytest.raises(UsageError, match=r"f\.yml: not YAML") as error:
        RuleFile("f.yml", "a: [")
    assert error.value.exit_status == 2
