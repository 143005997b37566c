"""A rule file as a tree with line numbers, so that a copy differs only where it was meant to."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import yaml

from loadkit.alerts import promql
from loadkit.errors import UsageError
from loadkit.stack import timescale

_GROUP_LENGTHS = ("interval", "query_offset")
_RULE_LENGTHS = ("for", "keep_firing_for")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it stands in the file. ``kind`` is ``alert`` or ``record``, ``line`` from 1.

    ``index`` counts within its group from 1. Lengths are None where the file doesn't say.
    """

    kind: str
    name: str
    expr: str
    file: str
    line: int
    group: str
    index: int
    interval_ms: int | None
    for_ms: int
    keep_firing_for_ms: int
    labels: dict[str, str]
    annotations: dict[str, str]


class RuleFile:
    """A parsed rule file that can be thinned out, divided and written again.

    Raises:
        UsageError: the text is not YAML, or not of a rule file's form.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        try:
            self._root = next(iter(yaml.compose_all(text, Loader=yaml.SafeLoader)), None)
        except yaml.YAMLError as error:
            raise UsageError(f"not YAML: {error}", where=name) from error

    def rules(self) -> tuple[Rule, ...]:
        """All rules, in the order of the file."""
        return tuple(rule for rule, _ in self._located())

    def without(self, unwanted: set[tuple[str, int]]) -> RuleFile:
        """A copy without the rules of these (group, index); groups left empty go as well."""
        other = self._copy()
        for group in list(other._groups()):
            rules = _child(group, "rules")
            if not isinstance(rules, yaml.SequenceNode):
                continue
            name = _text(group, "name")
            rules.value = [
                rule
                for index, rule in enumerate(rules.value, start=1)
                if (name, index) not in unwanted
            ]
            if not rules.value:
                other._group_list().remove(group)
        return other

    def scaled(self, by: int) -> RuleFile:
        """A copy with every interval, ``for``, window and offset divided; texts stay."""
        other = self._copy()
        done: set[int] = set()  # a YAML alias is one node in two places: to be divided once
        for group in other._groups():
            for key in _GROUP_LENGTHS:
                _divide(_child(group, key), by, done)
            for rule in _items(_child(group, "rules")):
                for key in _RULE_LENGTHS:
                    _divide(_child(rule, key), by, done)
                expression = _child(rule, "expr")
                if isinstance(expression, yaml.ScalarNode) and id(expression) not in done:
                    done.add(id(expression))
                    expression.value = promql.scale(expression.value, by)
        return other

    def _copy(self) -> RuleFile:
        # Of the tree and not by way of the text: line numbers stay those of the user's file.
        other = RuleFile(self.name, "")
        other._root = copy.deepcopy(self._root)
        return other

    def text(self) -> str:
        """YAML; scalars are spelt as in the file, comments are gone."""
        if self._root is None:
            return ""
        return str(yaml.serialize(self._root, allow_unicode=True, width=1000))

    def _group_list(self) -> list[yaml.Node]:
        groups = _child(self._root, "groups")
        return cast(list[yaml.Node], groups.value) if isinstance(groups, yaml.SequenceNode) else []

    def _groups(self) -> Iterator[yaml.Node]:
        yield from self._group_list()

    def _located(self) -> Iterator[tuple[Rule, yaml.Node]]:
        for group in self._groups():
            for index, node in enumerate(_items(_child(group, "rules")), start=1):
                kind = "alert" if _child(node, "alert") is not None else "record"
                rule = Rule(
                    kind=kind,
                    name=_text(node, kind),
                    expr=_text(node, "expr"),
                    file=self.name,
                    line=node.start_mark.line + 1,
                    group=_text(group, "name"),
                    index=index,
                    interval_ms=self._length(group, "interval"),
                    for_ms=self._length(node, "for") or 0,
                    keep_firing_for_ms=self._length(node, "keep_firing_for") or 0,
                    labels=_texts(_child(node, "labels")),
                    annotations=_texts(_child(node, "annotations")),
                )
                yield rule, node

    def _length(self, node: yaml.Node, key: str) -> int | None:
        value = _child(node, key)
        if not isinstance(value, yaml.ScalarNode) or value.value == "":
            return None
        try:
            return timescale.parse_ms(value.value)
        except ValueError as error:
            line = value.start_mark.line + 1
            raise UsageError(f"{key}: {error}", where=f"{self.name}:{line}") from error


def _divide(node: yaml.Node | None, by: int, done: set[int]) -> None:
    if not isinstance(node, yaml.ScalarNode) or id(node) in done or node.value == "":
        return
    done.add(id(node))
    node.value = timescale.scale_text(node.value, by)


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    merged = None
    for name, value in node.value:
        if name.value == key:
            return cast(yaml.Node, value)
        if name.tag == "tag:yaml.org,2002:merge":
            merged = merged or _merged(value, key)
    return merged


def _merged(node: yaml.Node, key: str) -> yaml.Node | None:
    for source in _items(node) or [node]:
        found = _child(source, key)
        if found is not None:
            return found
    return None


def _is_list(node: yaml.Node | None) -> bool:
    return isinstance(node, yaml.SequenceNode)


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _text(node: yaml.Node | None, key: str) -> str:
    value = _child(node, key)
    return str(value.value) if isinstance(value, yaml.ScalarNode) else ""


def _texts(node: yaml.Node | None) -> dict[str, str]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {
        str(key.value): str(value.value)
        for key, value in node.value
        if isinstance(value, yaml.ScalarNode)
    }
