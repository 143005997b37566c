"""Alertmanager's configuration with loadkit as the only receiver: nothing leaves the machine.

Routes, grouping, inhibition and the messages' texts stay the user's; addresses, keys and
credentials do not. What was changed is told, so that a report can say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from loadkit.errors import UsageError
from loadkit.stack import timescale

_KEPT = (
    "route",
    "receivers",
    "inhibit_rules",
    "templates",
    "time_intervals",
    "mute_time_intervals",
)
_ROUTE_LENGTHS: Mapping[str, str] = {
    # Alertmanager's own defaults, which are to be divided where the file is silent.
    "group_wait": "30s",
    "group_interval": "5m",
    "repeat_interval": "4h",
}
_RESOLVE_TIMEOUT = "5m"
_SECRET = re.compile(r"(_file|^http_config|token|secret|password|_key|api_url|app_url|^url)$")
_KEY = "loadkit"
# Kinds that tell nobody when it is over unless asked to.
_SILENT_AT_THE_END = frozenset({"slack_configs", "email_configs", "wechat_configs"})


@dataclass(frozen=True, slots=True)
class PreparedAlertmanager:
    """The text to run with, the receivers' names, and what was changed, a sentence each."""

    text: str
    receivers: tuple[str, ...]
    changes: tuple[str, ...]


def prepare_alertmanager(
    text: str,
    *,
    notify_url: str,
    scale: int = timescale.SCALE,
    where: str = "alertmanager.yml",
    directory: Path | None = None,
) -> PreparedAlertmanager:
    """Makes a run's copy of an alertmanager.yml.

    Args:
        text: the configuration.
        notify_url: loadkit's own receiver, such as ``http://127.0.0.1:40000``. Messages go to
            ``{notify_url}/notify/RECEIVER/KIND``; KIND is ``slack``, ``pagerduty`` or ``webhook``,
            which stands for all other kinds too.
        scale: what waits and intervals are divided by.
        where: the file's name for messages.
        directory: what relative paths of templates refer to.

    Raises:
        UsageError: not YAML, or without a route or receivers.
    """
    config = _parsed(text, where)
    changes: list[str] = []
    result = {key: config[key] for key in _KEPT if config.get(key) is not None}
    for key in sorted(set(config) - set(_KEPT) - {"global"}):
        changes.append(f"{key}: left out")
    result["global"] = _global(config.get("global") or {}, notify_url, scale, changes)
    result["receivers"] = [
        _receiver(receiver, notify_url, changes) for receiver in config["receivers"]
    ]
    result["route"] = _route(config["route"], scale, where)
    for key, default in _ROUTE_LENGTHS.items():
        result["route"].setdefault(key, timescale.scale_text(default, scale))
    if directory is not None and "templates" in result:
        result["templates"] = [str(directory / path) for path in result["templates"]]
    changes.append(f"group_wait, group_interval, repeat_interval, resolve_timeout: ÷ {scale}")
    ordered = {"global": result.pop("global"), **result}
    return PreparedAlertmanager(
        text=yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=10_000),
        receivers=tuple(str(receiver["name"]) for receiver in result["receivers"]),
        changes=tuple(changes),
    )


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"not YAML: {error}", where=where) from error
    if not isinstance(config, dict):
        raise UsageError("not a configuration of Alertmanager", where=where)
    route, receivers = config.get("route"), config.get("receivers")
    named = isinstance(receivers, list) and all(
        isinstance(receiver, dict) and receiver.get("name") for receiver in receivers
    )
    if not isinstance(route, dict) or not named:
        raise UsageError(
            "an alertmanager.yml needs a route and named receivers",
            where=where,
            remedy="See amtool check-config.",
        )
    return config


def _global(
    settings: Mapping[str, Any], notify_url: str, scale: int, changes: list[str]
) -> dict[str, Any]:
    for key in sorted(set(settings) - {"resolve_timeout", "slack_api_url"}):
        changes.append(f"global.{key}: left out")
    result = {"resolve_timeout": _divided(settings, "resolve_timeout", _RESOLVE_TIMEOUT, scale)}
    if "slack_api_url" in settings:
        # Each receiver has an address of its own below; this one is for whatever has none.
        result["slack_api_url"] = f"{notify_url}/notify/-/slack"
        changes.append("global.slack_api_url: loadkit's own receiver")
    return result


def _divided(settings: Mapping[str, Any], key: str, default: str, scale: int) -> str:
    value = str(settings.get(key) or default)
    try:
        return timescale.scale_text(value, scale)
    except ValueError as error:
        raise UsageError(f"{key}: {error}", where="alertmanager.yml") from error


def _route(route: Any, scale: int, where: str) -> dict[str, Any]:
    if not isinstance(route, dict):
        raise UsageError("a route must be a mapping", where=where)
    result = dict(route)
    for key in _ROUTE_LENGTHS:
        if route.get(key) is not None:
            result[key] = _divided(route, key, "", scale)
    if route.get("routes"):
        result["routes"] = [_route(child, scale, where) for child in route["routes"]]
    return result


def _receiver(receiver: Mapping[str, Any], notify_url: str, changes: list[str]) -> dict[str, Any]:
    name = str(receiver["name"])
    address = f"{notify_url}/notify/{quote(name, safe='')}"
    result: dict[str, Any] = {"name": receiver["name"]}
    for key, configs in receiver.items():
        if key == "name" or not isinstance(configs, list):
            continue
        for config in configs:
            target, copy = _redirected(key, config or {}, address)
            result.setdefault(target, []).append(copy)
        changes.append(f"receiver {name}: {_kind(key)} {_told(key)}")
    return result


def _redirected(key: str, config: Mapping[str, Any], address: str) -> tuple[str, dict[str, Any]]:
    harmless = {name: value for name, value in config.items() if not _SECRET.search(name)}
    if key == "slack_configs":
        return key, {**harmless, "api_url": f"{address}/slack"}
    if key == "pagerduty_configs":
        return key, {**harmless, "routing_key": _KEY, "url": f"{address}/pagerduty"}
    silent = key in _SILENT_AT_THE_END
    return "webhook_configs", {
        "url": f"{address}/webhook",
        "send_resolved": bool(config.get("send_resolved", not silent)),
    }


def _kind(key: str) -> str:
    return key.removesuffix("_configs")


def _told(key: str) -> str:
    if key == "pagerduty_configs":
        return "goes to loadkit, with a routing_key instead of its own key"
    if key in ("slack_configs", "webhook_configs"):
        return "goes to loadkit"
    return "is replaced by a webhook to loadkit"
