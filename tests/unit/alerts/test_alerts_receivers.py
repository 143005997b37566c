from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from loadkit.alerts.receivers import prepare_alertmanager
from loadkit.errors import UsageError

OURS = "http://127.0.0.1:40000"

GUIDE_LIKE = """
global:
  resolve_timeout: 5m
  slack_api_url: 'https://hooks.slack.com/services/SECRET'
route:
  group_wait: 10s
  group_interval: 10s
  repeat_interval: 12h
  receiver: default
  routes:
    - match: {severity: critical}
      receiver: on call/1
      group_wait: 30s
receivers:
  - name: default
    slack_configs: [{channel: '#alerts', title: T, text: '{{ .Alerts }}'}]
  - name: on call/1
    slack_configs: [{channel: '#c', api_url: 'https://x.example/SECRET', app_token: SECRET}]
    pagerduty_configs: [{service_key: SECRET, severity: page}]
inhibit_rules: [{source_match: {a: b}, target_match: {a: c}, equal: [d]}]
"""


def test_addresses_are_ours_routes_and_texts_the_files() -> None:
    prepared = prepare_alertmanager(GUIDE_LIKE, notify_url=OURS)
    config = yaml.safe_load(prepared.text)
    assert config["global"] == {
        "resolve_timeout": "20s",
        "slack_api_url": f"{OURS}/notify/-/slack",
    }
    assert config["route"] == {
        "group_wait": "667ms",
        "group_interval": "667ms",
        "repeat_interval": "2880s",
        "receiver": "default",
        "routes": [
            {"match": {"severity": "critical"}, "receiver": "on call/1", "group_wait": "2s"}
        ],
    }
    default, on_call = config["receivers"]
    assert default["slack_configs"] == [
        {
            "channel": "#alerts",
            "title": "T",
            "text": "{{ .Alerts }}",
            "api_url": f"{OURS}/notify/default/slack",
        }
    ]
    assert on_call["slack_configs"] == [
        {"channel": "#c", "api_url": f"{OURS}/notify/on%20call%2F1/slack"}
    ]
    assert on_call["pagerduty_configs"] == [
        {
            "severity": "page",
            "routing_key": "loadkit",
            "url": f"{OURS}/notify/on%20call%2F1/pagerduty",
        }
    ]
    assert config["inhibit_rules"] == [
        {"source_match": {"a": "b"}, "target_match": {"a": "c"}, "equal": ["d"]}
    ]
    assert prepared.receivers == ("default", "on call/1")
    assert "SECRET" not in prepared.text
    assert "receiver default: slack goes to loadkit" in prepared.changes
    assert any("routing_key" in change for change in prepared.changes)


EVERY_KIND = """
global:
  smtp_smarthost: mail.example:25
  smtp_auth_password: SECRET
  opsgenie_api_key: SECRET
  http_config: {proxy_url: 'http://proxy.example'}
tracing: {endpoint: 'otel.example:4317'}
route: {receiver: all}
receivers:
  - name: all
    webhook_configs: [{url: 'https://hook.example/SECRET', http_config: {}, send_resolved: false}]
    email_configs: [{to: a@b.example, auth_password: SECRET}]
    opsgenie_configs: [{api_key: SECRET, api_url: 'https://o.example'}]
    discord_configs: [{webhook_url: 'https://d.example/SECRET'}]
    something_new_configs: [{address: 'https://n.example'}, {address: 'https://m.example'}]
  - name: nobody
"""


def test_no_receiver_of_any_kind_is_left_to_reach_the_world() -> None:
    prepared = prepare_alertmanager(EVERY_KIND, notify_url=OURS)
    config = yaml.safe_load(prepared.text)
    assert set(config) == {"global", "route", "receivers"}
    assert config["global"] == {"resolve_timeout": "20s"}
    everything, nobody = config["receivers"]
    assert nobody == {"name": "nobody"}
    assert set(everything) == {"name", "webhook_configs"}
    assert everything["webhook_configs"] == [
        {"url": f"{OURS}/notify/all/webhook", "send_resolved": False},
        {"url": f"{OURS}/notify/all/webhook", "send_resolved": False},
        {"url": f"{OURS}/notify/all/webhook", "send_resolved": True},
        {"url": f"{OURS}/notify/all/webhook", "send_resolved": True},
        {"url": f"{OURS}/notify/all/webhook", "send_resolved": True},
        {"url": f"{OURS}/notify/all/webhook", "send_resolved": True},
    ]
    assert set(re.findall(r"https?://[^/\s']+", prepared.text)) == {OURS}
    assert "SECRET" not in prepared.text
    assert "example" not in prepared.text
    for left_out in ("tracing", "global.smtp_auth_password", "global.http_config"):
        assert f"{left_out}: left out" in prepared.changes


def test_what_the_file_leaves_to_defaults_is_divided_as_well() -> None:
    text = "route: {receiver: a}\nreceivers: [{name: a}]\n"
    config = yaml.safe_load(prepare_alertmanager(text, notify_url=OURS).text)
    assert config["global"]["resolve_timeout"] == "20s"
    assert config["route"] == {
        "receiver": "a",
        "group_wait": "2s",
        "group_interval": "20s",
        "repeat_interval": "960s",
    }


def test_templates_are_found_from_the_files_folder() -> None:
    text = "route: {receiver: a}\nreceivers: [{name: a}]\ntemplates: ['t/*.tmpl', /x.tmpl]\n"
    prepared = prepare_alertmanager(text, notify_url=OURS, directory=Path("/etc/am"))
    assert yaml.safe_load(prepared.text)["templates"] == ["/etc/am/t/*.tmpl", "/x.tmpl"]


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "[]",
        "",
        "route: {}",
        "receivers: []",
        "route: {receiver: a}\nreceivers: [{}]",
        "route: {group_wait: soon}\nreceivers: [{name: a}]",
        "route: {routes: [5]}\nreceivers: [{name: a}]",
    ],
)
def test_what_is_no_configuration_is_the_users_to_mend(text: str) -> None:
    with pytest.raises(UsageError):
        prepare_alertmanager(text, notify_url=OURS)
