"""The body of a recorded request, without its secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from loadkit.init.draft import Body, Field, Joined, Secret, Upload
from loadkit.init.recording import Entry
from loadkit.init.sensitive import is_id, is_secret_name, is_secret_text
from loadkit.init.withheld import Withheld
from loadkit.scrub import REMOVED, scrub

_LONGEST = 1_000_000


def body(entry: Entry, withheld: Withheld) -> tuple[Body | None, str | None, str | None]:
    """(body, the Content-Type to name for it, what is to be done by hand)."""
    kind = entry.body_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _multipart(entry, withheld)
    if kind == "application/x-www-form-urlencoded":
        pairs = [(str(f.get("name", "")), str(f.get("value", ""))) for f in entry.fields]
        if entry.body is not None:
            pairs = parse_qsl(entry.body, keep_blank_values=True)
        return Body("form", fields(pairs, withheld)), None, None
    if entry.body is None:
        return None, None, None
    if kind.endswith(("/json", "+json")) or not kind:
        try:
            value = json.loads(entry.body)
        except (ValueError, RecursionError):
            pass
        else:
            header = entry.body_type if kind.endswith("+json") else None
            return Body("json", _without(value, withheld)), header, None
    if len(entry.body) > _LONGEST:
        return None, None, f"the body of {len(entry.body):,} characters is left out"
    text = scrub(entry.body, _LONGEST)
    note = f"put in what stands as {REMOVED}" if text != entry.body else None
    return Body("text", text), entry.body_type or None, note


def fields(pairs: Iterable[tuple[str, str]], withheld: Withheld) -> dict[str, Any]:
    """Pairs of a query or form as a mapping; a name that comes more than once has a list."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(field(name, value, withheld, everyday=True))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def field(
    name: str, value: str, withheld: Withheld, everyday: bool
) -> str | Secret | Joined | Field:
    """A value, or what is sent in its place."""
    if value and (is_secret_name(name, everyday) or is_secret_text(value)):
        return withheld.secret(name, value)
    return (withheld.known(value) if is_id(value) else None) or value


def _without(value: Any, withheld: Withheld, name: str = "value") -> Any:
    if isinstance(value, Mapping):
        return {key: _without(one, withheld, str(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [_without(one, withheld, name) for one in value]
    if isinstance(value, str):
        return field(name, value, withheld, everyday=False)
    if isinstance(value, int) and not isinstance(value, bool) and is_secret_name(name, False):
        return withheld.secret(name, str(value))
    return value


def _multipart(entry: Entry, withheld: Withheld) -> tuple[Body | None, str | None, str | None]:
    parts = list(_listed(entry)) or list(_parsed(entry))
    if not parts:
        return None, None, "the parts of its multipart body were not recorded"
    plain: list[tuple[str, str]] = []
    files: dict[str, Upload] = {}
    for name, value, file_name, kind in parts:
        if file_name is None:
            plain.append((name, value))
        else:
            content = value if scrub(value, _LONGEST) == value else ""
            files[name] = Upload(file_name or "file", content.encode() or b"loadkit", kind)
    note = "check the content of its files: recordings often leave it out" if files else None
    return Body("multipart", fields(plain, withheld), files), None, note


Part = tuple[str, str, str | None, str | None]
"""(name, content, file name, content type)."""


def _listed(entry: Entry) -> Iterable[Part]:
    for one in entry.fields:
        kind = one.get("contentType")
        yield str(one.get("name", "")), str(one.get("value") or ""), one.get("fileName"), kind


def _parsed(entry: Entry) -> Iterable[Part]:
    if entry.body is None or not re.search(r"boundary=", entry.body_type, re.IGNORECASE):
        return
    head = f"Content-Type: {entry.body_type}\r\n\r\n".encode("latin-1", "replace")
    text = entry.body.replace("\r\n", "\n").replace("\n", "\r\n")
    message = BytesParser(policy=HTTP).parsebytes(head + text.encode())
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            file_name = part.get_filename()
            kind = part.get_content_type() if file_name is not None else None
            yield name, content.decode("utf-8", "replace"), file_name, kind
