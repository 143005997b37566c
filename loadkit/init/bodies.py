"""The body of a request, from what an operation says it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from loadkit.init.document import Document, below
from loadkit.init.draft import Body, Secret, Upload
from loadkit.init.examples import Examples
from loadkit.init.flatten import Flattener, NoExampleError
from loadkit.init.parameters import given, plain

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_ORDER = (_JSON, "+json", _FORM, _MULTIPART, "*/*", "application/*", "text/plain")


class Bodies:
    """Makes bodies for the operations of one document; ``notes`` say what is missing."""

    def __init__(self, document: Document, examples: Examples) -> None:
        self._document = document
        self._examples = examples
        self.notes: list[str] = []

    def of(self, request: Any, path: str) -> tuple[Body | None, str | None]:
        """(body, the Content-Type that has to be named for it).

        Raises:
            UsageError: it has no media type, or no example.
        """
        content = self._document.follow(request, path).get("content")
        if not isinstance(content, Mapping) or not content:
            return None, None
        kind = _preferred(list(content))
        where = below(path, "content", kind)
        media = self._document.follow(content[kind] or {}, where)
        bare = kind.partition(";")[0].strip().lower()
        if bare == _JSON or bare.endswith("+json") or bare in ("*/*", "application/*"):
            value = self._value(media, where)
            header = kind if bare.endswith("+json") else None
            return Body("json", value), header
        if bare == _FORM:
            return Body("form", self._fields(self._value(media, where), where)), None
        if bare.startswith("multipart/"):
            return self._multipart(media, where), None
        return self._other(bare, kind, media, where)

    def _value(self, media: Mapping[str, Any], path: str) -> Any:
        found, value = given(self._document, media, path)
        return value if found else self._examples.of(media.get("schema", {}), below(path, "schema"))

    def _fields(self, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self._document.error("the schema of a form is an object", path)
        return {name: plain(one) for name, one in value.items() if one is not None}

    def _multipart(self, media: Mapping[str, Any], path: str) -> Body:
        value = self._value(media, path)
        fields = self._fields(value, path)
        encoding = media.get("encoding") or {}
        files = {}
        for name, schema in self._properties(media, path).items():
            if name in fields and _is_file(schema):
                kind = _content_type(encoding.get(name)) or schema.get("contentMediaType")
                content = fields.pop(name)
                text = content if isinstance(content, str) else json.dumps(content)
                files[name] = Upload(f"{name}.bin", text.encode(), kind)
        return Body("multipart", fields, files)

    def _properties(self, media: Mapping[str, Any], path: str) -> dict[str, Mapping[str, Any]]:
        flattener, found = Flattener(self._document), {}
        try:
            flat, _ = next(flattener.flats(media.get("schema", {}), path, ()))
            for name, schema in (flat.get("properties") or {}).items():
                one, _ = next(flattener.flats(schema, below(path, name), ()))
                found[name] = self._item(one, path)
        except (NoExampleError, StopIteration):
            pass
        return found

    def _item(self, schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        """Of a list of files, one."""
        items = schema.get("items")
        return self._document.follow(items, path) if isinstance(items, Mapping) else schema

    def _other(
        self, bare: str, kind: str, media: Mapping[str, Any], path: str
    ) -> tuple[Body | None, str | None]:
        found, value = given(self._document, media, path)
        if not found and bare.startswith("text/"):
            found, value = True, self._value(media, path)
        if not found and ("xml" in bare or "yaml" in bare):
            self.notes.append(f"{path}: without an example, so the request has no body")
            return None, None
        if found and not isinstance(value, Secret):
            text = value if isinstance(value, str) else json.dumps(value)
            return Body("text", text), kind
        return Body("bytes", b"loadkit"), kind


def _preferred(kinds: list[str]) -> str:
    for wanted in _ORDER:
        for kind in kinds:
            bare = kind.partition(";")[0].strip().lower()
            if bare == wanted or (wanted.startswith("+") and bare.endswith(wanted)):
                return kind
    return kinds[0]


def _is_file(schema: Mapping[str, Any]) -> bool:
    if schema.get("format") in ("binary", "base64") or "contentMediaType" in schema:
        return True
    return not schema  # as 3.1 has it: anything at all


def _content_type(encoding: Any) -> str | None:
    kind = encoding.get("contentType") if isinstance(encoding, Mapping) else None
    return kind.partition(",")[0].strip() if isinstance(kind, str) else None
