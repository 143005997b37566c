"""Rule files that the settings name: read, checked, and the alerts in them."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadkit.alerts.prepare import valid_file
from loadkit.alerts.rules import Rule, RuleFile
from loadkit.errors import UsageError
from loadkit.stack import binaries


@dataclass(frozen=True, slots=True)
class NamedRules:
    """Rule files as they are, at the scale of time that they are written for.

    Attributes:
        files: their paths.
        alerts: the alerts in them, in their order.
        checked: whether promtool has read them.
    """

    files: tuple[str, ...]
    alerts: tuple[Rule, ...]
    checked: bool

    def __str__(self) -> str:
        promtool = "promtool agrees" if self.checked else "not checked: there is no promtool"
        return f"{len(self.files)} files, {len(self.alerts)} alerts; {promtool}"


def read_rules(patterns: Iterable[str], where: str) -> NamedRules:
    """The rule files that patterns name.

    Args:
        patterns: paths, with ``*`` and ``**`` as a shell has them.
        where: the setting, for messages.

    Raises:
        UsageError: a pattern that names no file, or a file that Prometheus would refuse.
        StackError: promtool is there and cannot be executed.
    """
    promtool = binaries.find(("promtool",)).get("promtool")
    files = _named(patterns, where)
    alerts: list[Rule] = []
    for path in files:
        text = _text(path)
        file = valid_file(promtool.path, path, text) if promtool else RuleFile(path, text)
        rules = file.rules()
        if not promtool and not rules:
            raise UsageError("has no rules", where=path, remedy="Is it a rule file of Prometheus?")
        alerts += [rule for rule in rules if rule.kind == "alert"]
    return NamedRules(tuple(files), tuple(alerts), promtool is not None)


def _named(patterns: Iterable[str], where: str) -> Sequence[str]:
    found: dict[str, None] = {}
    for pattern in patterns:
        # Path.glob takes no pattern that begins at the root.
        paths = glob.glob(pattern, recursive=True)  # noqa: PTH207
        matching = sorted(path for path in paths if Path(path).is_file())
        if not matching:
            raise UsageError(
                f"no file is called {pattern}",
                where=where,
                remedy="Patterns start in the folder of loadkit.toml: rules/*.yml.",
            )
        found |= dict.fromkeys(matching)
    return list(found)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError("the rule file is not UTF-8", where=path) from None
    except OSError as error:
        raise UsageError(f"the rule file cannot be read: {error.strerror}", where=path) from None
