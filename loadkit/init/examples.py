"""An example value for a schema.

Objects get what is required and what the document gives an example for; where nothing is required
and no example is given, every property. A schema that refers to itself ends at the first place
where a part may be left out, be empty or be null.

Not regarded: ``not``, ``if``, ``patternProperties``, ``propertyNames``, ``dependentSchemas``,
``unevaluated…``. A given example is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loadkit.init import hints, patterns
from loadkit.init.document import Document, below
from loadkit.init.draft import Secret
from loadkit.init.flatten import Flattener, NoExampleError, Trail
from loadkit.init.formats import FORMATS, PASSWORD
from loadkit.init.merge import Schema
from loadkit.init.numbers import number

_MOST = 20_000
_MOST_ITEMS = 1_000
_TEXT = "text"
_ALL_UNTIL = 2
"""Levels on which an object without requirements gets every property."""


def never(place: str) -> Secret:
    """For where no secret can be asked for."""
    return Secret("PASSWORD")


class Examples:
    """Makes examples for the schemas of one document.

    Args:
        document: where references lead.
        secret: gives the environment variable for a password, by the path of its schema.
    """

    def __init__(self, document: Document, secret: Callable[[str], Secret] = never) -> None:
        self._document = document
        self._secret = secret
        self._flats = Flattener(document)
        self._left = _MOST
        self._known: dict[tuple[str, int], tuple[Any, int]] = {}
        self.notes: list[str] = []
        """What could not be made to fit."""

    def of(self, schema: Any, path: str) -> Any:
        """A JSON value, with a Secret where the schema asks for a password.

        Raises:
            UsageError: there is no finite one, it would be huge, or the schema is none; names the
                path.
        """
        self._left = _MOST
        try:
            return self._value(schema, path, (), 0)
        except NoExampleError as error:
            remedy = (
                "Make a part of the circle optional, or give an `example`."
                if error.circle
                else "Correct the schema, or give an `example`."
            )
            what = f"no finite example: {error.why}" if error.circle else error.why
            raise self._document.error(what, error.path, remedy) from None
        except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise self._document.error(f"not a valid schema: {error}", path) from None
        except RecursionError:
            raise self._document.error("nested too deeply", path) from None

    # -- any schema -------------------------------------------------------------------------------

    def _value(self, schema: Any, path: str, trail: Trail, level: int) -> Any:
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        key = (str(reference), level) if reference and len(schema) == 1 else None
        if key is not None and key in self._known and key[0] not in trail:
            value, size = self._known[key]
            self._spend(size, path)
            return value
        before = self._left
        self._spend(1, path)
        value = self._first(schema, path, trail, level)
        if key is not None:
            self._known[key] = (value, before - self._left)
        return value

    def _spend(self, size: int, path: str) -> None:
        self._left -= size
        if self._left < 0:
            raise self._document.error(
                f"an example would have more than {_MOST:,} parts", path, "Give an `example`."
            )

    def _first(self, schema: Any, path: str, trail: Trail, level: int) -> Any:
        """Of the first alternative that has one."""
        problem: NoExampleError | None = None
        for flat, used in self._flats.flats(schema, path, trail):
            where = used[-1] if len(used) > len(trail) else path
            try:
                return self._of_flat(flat, where, used, level)
            except NoExampleError as error:
                problem = problem if problem is not None and problem.circle else error
        raise problem or NoExampleError(path, "nothing is valid here")

    def _of_flat(self, flat: Schema, path: str, trail: Trail, level: int) -> Any:
        types = hints.types(flat)
        if flat.get("format") == PASSWORD and not {"const", "enum"} & flat.keys():
            return self._secret(path)  # an example of one may be a real one
        found, value = hints.given(flat, types, path)
        if found:
            self._spend(_size(value), path)
            return value
        problem: NoExampleError | None = None
        for name in types:
            try:
                return self._of_type(name, flat, path, trail, level)
            except NoExampleError as error:
                problem = problem or error
        raise problem or NoExampleError(path, "no type is left")

    def _of_type(self, name: str, flat: Schema, path: str, trail: Trail, level: int) -> Any:
        if name == "object":
            return self._object(flat, path, trail, level)
        if name == "array":
            return self._array(flat, path, trail, level)
        if name == "string":
            return self._string(flat, path)
        if name in ("integer", "number"):
            value = number(flat, integer=name == "integer")
            if value is None:
                raise NoExampleError(path, "no number is within its bounds")
            return value
        if name == "boolean":
            return True
        if name == "null":
            return None
        raise self._document.error(f"type {name!r} is not known", path)

    # -- objects ----------------------------------------------------------------------------------

    def _object(self, flat: Schema, path: str, trail: Trail, level: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = flat.get("properties") or {}
        required = list(flat.get("required") or ())
        wanted = [name for name in properties if name in required]
        wanted += [name for name in required if name not in properties]
        found: dict[str, Any] = {}
        for name in wanted:
            schema = properties.get(name, flat.get("additionalProperties", True))
            if not self._read_only(schema):
                found[name] = self._value(schema, below(path, "properties", name), trail, level)
        most = int(flat.get("maxProperties", _MOST))
        optional = [name for name in properties if name not in found]
        some = [name for name in optional if self._shown(properties[name])]
        if not required and not some and level < _ALL_UNTIL:
            some = optional
        self._add(found, some, properties, path, trail, level + (not required), most)
        least = int(flat.get("minProperties", 0))
        self._add(found, optional, properties, path, trail, level, least)
        self._dependent(found, flat, path, trail, level)
        return self._filled(_ordered(found, properties), flat, least, path, trail, level)

    def _add(
        self,
        found: dict[str, Any],
        names: list[str],
        properties: Mapping[str, Any],
        path: str,
        trail: Trail,
        level: int,
        most: int,
    ) -> None:
        """Adds optional properties that there is an example for."""
        for name in names:
            if len(found) >= most:
                return
            schema = properties[name]
            if name in found or self._read_only(schema):
                continue
            try:
                found[name] = self._value(schema, below(path, "properties", name), trail, level)
            except NoExampleError:
                continue

    def _dependent(
        self, found: dict[str, Any], flat: Schema, path: str, trail: Trail, level: int
    ) -> None:
        needs: Mapping[str, list[str]] = flat.get("dependentRequired") or {}
        properties: Mapping[str, Any] = flat.get("properties") or {}
        missing = [other for name in found for other in needs.get(name, ()) if other not in found]
        while missing:
            name = missing.pop()
            if name not in found:
                schema = properties.get(name, True)
                found[name] = self._value(schema, below(path, "properties", name), trail, level)
                missing += needs.get(name, ())

    def _filled(
        self,
        found: dict[str, Any],
        flat: Schema,
        least: int,
        path: str,
        trail: Trail,
        level: int,
    ) -> dict[str, Any]:
        """With made-up names until there are enough, or to show what a free mapping holds."""
        more = flat.get("additionalProperties", True)
        shown = isinstance(more, Mapping) and more and not found and flat.get("maxProperties") != 0
        if len(found) < least and more is False:
            raise NoExampleError(path, f"it has fewer than {least} properties")
        number_ = 0
        while len(found) < least or (shown and not found):
            number_ += 1
            where = below(path, "additionalProperties")
            try:
                found[f"key{number_}"] = self._value(more, where, trail, level)
            except NoExampleError:
                if len(found) < least:
                    raise
                break
        return found

    def _read_only(self, schema: Any) -> bool:
        if isinstance(schema, Mapping) and "$ref" in schema:
            schema = self._document.at(str(schema["$ref"]), "")
        return isinstance(schema, Mapping) and schema.get("readOnly") is True

    def _shown(self, schema: Any) -> bool:
        """Whether the document gives an example for it."""
        if not isinstance(schema, Mapping):
            return False
        if isinstance(schema.get("$ref"), str):
            schema = self._document.at(schema["$ref"], "")
        return isinstance(schema, Mapping) and bool(
            {"example", "const"} & schema.keys() or schema.get("examples")
        )

    # -- arrays -----------------------------------------------------------------------------------

    def _array(self, flat: Schema, path: str, trail: Trail, level: int) -> list[Any]:
        first = flat.get("prefixItems") or []
        items = flat.get("items", flat.get("contains", True))
        if isinstance(items, list):  # as older drafts had it
            first, items = items, True
        least, most = int(flat.get("minItems", 0)), int(flat.get("maxItems", _MOST))
        if least > _MOST_ITEMS:
            raise self._document.error(f"an example needs {least:,} items", path)
        found = [
            self._value(schema, below(path, "prefixItems", at), trail, level)
            for at, schema in enumerate(first[:most])
        ]
        wanted = max(least, min(1, most)) if items is not False else least
        more = wanted - len(found)
        if more <= 0:
            return found
        where = below(path, "items")
        try:
            if flat.get("uniqueItems") and more > 1:
                found += self._different(items, more, where, trail, level)
            else:
                found += [self._value(items, where, trail, level) for _ in range(more)]
        except NoExampleError:
            if len(found) < least:
                raise
        return found

    def _different(self, schema: Any, count: int, path: str, trail: Trail, level: int) -> list[Any]:
        """So many values of a schema, each another one."""
        for flat, _ in self._flats.flats(schema, path, trail):
            found: list[Any] = []
            if "enum" in flat:
                found = list(flat["enum"][:count])
            elif "boolean" in hints.types(flat):
                found = [True, False][:count]
            else:
                value = self._value(schema, path, trail, level)
                found = hints.varied(value, flat, count)
            if len(found) == count:
                return found
        raise NoExampleError(path, f"no {count} different items were found")

    # -- texts ------------------------------------------------------------------------------------

    def _string(self, flat: Schema, path: str) -> Any:
        least, most = int(flat.get("minLength", 0)), flat.get("maxLength")
        if least > _MOST:
            raise self._document.error(f"an example needs {least:,} characters", path)
        if most is not None and int(most) < least:
            raise NoExampleError(path, "its shortest text is longer than its longest")
        text = FORMATS.get(str(flat.get("format")), "")
        pattern = flat.get("pattern")
        if pattern is not None and not (text and patterns.holds(pattern, text)):
            matching = patterns.matching(pattern, least, most)
            if matching is None:
                self.notes.append(f"{path}: no text was found for the pattern {pattern!r}")
            elif matching == "":
                return matching
            text = matching or text
        if text and least <= len(text) <= (most if most is not None else len(text)):
            return text
        text = _TEXT + _TEXT[-1] * (least - len(_TEXT))
        return text if most is None else text[: int(most)]


def _ordered(found: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """In the order of the document."""
    known = [name for name in properties if name in found]
    return {name: found[name] for name in (*known, *(n for n in found if n not in properties))}


def _size(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_size, value))
    return 1
