"""A schema with everything that is combined in it: what it may be, one alternative after another.

A flat schema has no ``$ref``, ``allOf``, ``oneOf`` or ``anyOf``, and knows which references led to
it, so that one which leads to itself is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadkit.init.document import Document, below, kind
from loadkit.init.merge import EXAMPLES, Impossible, Schema, merged

Trail = tuple[str, ...]
"""References that were followed from the root to a place."""

_COMBINED = ("$ref", "allOf", "oneOf", "anyOf", "discriminator")
Choice = tuple[Any, str]
"""(schema, path)."""


class NoExampleError(Exception):
    """There is no value at ``path``: internal, an optional part is left out for it."""

    def __init__(self, path: str, why: str, circle: bool = False) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why
        self.circle = circle


class Flattener:
    """Flattens the schemas of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def flats(self, schema: Any, path: str, trail: Trail) -> Iterator[tuple[Schema, Trail]]:
        """Alternatives in the order of the document, each with the references it rests on.

        Raises:
            NoExampleError: there is none, because it refers to itself or contradicts itself.
            UsageError: it is no schema, or a reference leads nowhere.
        """
        if isinstance(schema, bool):
            if not schema:
                raise NoExampleError(path, "nothing is valid here")
            yield {}, trail
        elif not isinstance(schema, Mapping):
            raise self._document.error(f"a schema is expected, found {kind(schema)}", path)
        elif isinstance(schema.get("$ref"), str):
            yield from self._referred(schema, path, trail)
        else:
            own = {key: value for key, value in schema.items() if key not in _COMBINED}
            yield from self._combined(own, self._groups(schema, path), trail, trail, path)

    def _referred(
        self, schema: Mapping[str, Any], path: str, trail: Trail
    ) -> Iterator[tuple[Schema, Trail]]:
        reference = schema["$ref"]
        if reference in trail:
            circle = " → ".join((*trail[trail.index(reference) :], reference))
            raise NoExampleError(path, f"refers to itself without end: {circle}", circle=True)
        target = self._document.at(reference, path)
        beside = {k: v for k, v in schema.items() if k not in _COMBINED}
        for flat, used in self.flats(target, reference, (*trail, reference)):
            flat = self._named(target, reference, flat)
            if beside and self._document.siblings:
                try:
                    flat = merged(beside, flat)
                except Impossible:
                    continue
            yield flat, used

    def _groups(self, schema: Mapping[str, Any], path: str) -> list[list[Choice]]:
        """One of each group must hold."""
        groups: list[list[Choice]] = []
        for key in ("allOf", "oneOf", "anyOf"):
            members = schema.get(key)
            if members is None:
                continue
            if not isinstance(members, list):
                raise self._document.error(f"a list is expected, found {kind(members)}",
                                           below(path, key))  # fmt: skip
            choices = [(member, below(path, key, at)) for at, member in enumerate(members)]
            if key == "allOf":
                groups += [[choice] for choice in choices]
            elif choices:
                choices = [(self._told(schema, member), where) for member, where in choices]
                # Nothing is the last resort: an example should show something.
                choices.sort(key=lambda choice: _is_null(choice[0]))
                groups.append(choices)
        return groups

    def _combined(
        self,
        base: Schema,
        groups: list[list[Choice]],
        trail: Trail,
        used: Trail,
        path: str,
    ) -> Iterator[tuple[Schema, Trail]]:
        if not groups:
            yield base, used
            return
        first, *rest = groups
        problem: NoExampleError | None = None
        found = False
        for member, where in first:
            try:
                for flat, more in self.flats(member, where, trail):
                    joined = self._joined(base, flat, bool(rest))
                    if joined is None:
                        continue
                    union = tuple(dict.fromkeys((*used, *more)))
                    for result in self._combined(joined, rest, trail, union, path):
                        found = True
                        yield result
            except NoExampleError as error:
                problem = problem if problem is not None and problem.circle else error
        if not found:
            raise problem or NoExampleError(path, "its parts contradict each other")

    @staticmethod
    def _joined(base: Schema, flat: Schema, more: bool) -> Schema | None:
        if "properties" in flat and ("properties" in base or more):
            # The example of a part is not one of the whole.
            flat = {k: v for k, v in flat.items() if k not in EXAMPLES}
        try:
            return merged(base, flat)
        except Impossible:
            return None

    # -- which of several it is, said by a property -----------------------------------------------

    def _told(self, schema: Mapping[str, Any], member: Any) -> Any:
        """A member of a choice with a discriminator, with the value that names it."""
        told = schema.get("discriminator")
        reference = member.get("$ref") if isinstance(member, Mapping) else None
        if not isinstance(told, Mapping) or not isinstance(reference, str):
            return member
        return self._tagged(member, told, reference)

    def _tagged(self, member: Any, told: Mapping[str, Any], reference: str) -> Any:
        name = told.get("propertyName")
        if not isinstance(name, str):
            return member
        value = reference.rpartition("/")[2]
        for key, target in (told.get("mapping") or {}).items():
            if target in (reference, value):
                value = key
                break
        tag = {"type": "object", "properties": {name: {"const": value}}, "required": [name]}
        return {"oneOf": [{"allOf": [tag, member]}, member]}

    def _named(self, target: Any, reference: str, flat: Schema) -> Schema:
        """A schema that extends one with a discriminator is known by its name there."""
        for member in target.get("allOf") or () if isinstance(target, Mapping) else ():
            if not isinstance(member, Mapping) or not isinstance(member.get("$ref"), str):
                continue
            parent = self._document.at(member["$ref"], reference)
            told = parent.get("discriminator") if isinstance(parent, Mapping) else None
            if isinstance(told, Mapping) and isinstance(told.get("propertyName"), str):
                value = reference.rpartition("/")[2]
                for key, named in (told.get("mapping") or {}).items():
                    value = key if named in (reference, value) else value
                own = flat.get("properties", {}).get(told["propertyName"], {})
                if not (isinstance(own, Mapping) and {"const", "enum"} & own.keys()):
                    tag = {"properties": {told["propertyName"]: {"const": value}}}
                    return merged(tag, flat)
        return flat


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"
