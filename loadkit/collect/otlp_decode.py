"""OTLP trace requests → spans, and spans → rows. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.json_format import ParseDict
from google.protobuf.json_format import ParseError as JsonError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from loadkit.scrub import scrub

KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
ERROR = 2
_SERVER, _CONSUMER = 2, 5
# The flags say whether they know, and if so whether the parent is in another process.
_KNOWS, _REMOTE = 0x100, 0x200
_IDS = ("traceId", "spanId", "parentSpanId")
_LONGEST_VALUE = 1_000


class Malformed(ValueError):
    """The body is no trace request."""


def decode(body: bytes) -> ExportTraceServiceRequest:
    """A request in protobuf.

    Raises:
        Malformed: it is none.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise Malformed(str(error)) from error
    return request


def decode_json(body: bytes) -> ExportTraceServiceRequest:
    """A request in OTLP's JSON, which has hexadecimal ids where protobuf's has base64.

    Raises:
        Malformed: it is none.
    """
    try:
        document = json.loads(body)
        for group in document.get("resourceSpans", ()):
            for scope in group.get("scopeSpans", ()):
                for span in scope.get("spans", ()):
                    _recode_ids(span)
                    for link in span.get("links", ()):
                        _recode_ids(link)
        return ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (JsonError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed(str(error)) from error


def _recode_ids(item: dict[str, Any]) -> None:
    for key in _IDS:
        if item.get(key):
            try:
                item[key] = base64.b64encode(binascii.unhexlify(item[key])).decode()
            except binascii.Error as error:
                raise Malformed(f"{key} is not hexadecimal") from error


def spans(request: ExportTraceServiceRequest) -> Iterator[tuple[str, Span]]:
    """(service name, span) of all spans in it."""
    for group in request.resource_spans:
        service = ""
        for attribute in group.resource.attributes:
            if attribute.key == "service.name":
                service = attribute.value.string_value
        for scope in group.scope_spans:
            for span in scope.spans:
                yield service, span


def begins_here(span: Span) -> bool:
    """Whether it is the first of its process: no parent, or one elsewhere.

    A load generator that sends ``traceparent`` is the parent of a service's first span and is
    never received itself.
    """
    if not span.parent_span_id:
        return True
    flags = span.flags
    if flags & _KNOWS:
        return bool(flags & _REMOTE)
    return span.kind in (_SERVER, _CONSUMER)


def row(service: str, span: Span, kept: str) -> dict[str, Any]:
    """A row of ``spans``."""
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex() or None,
        "name": scrub(span.name, _LONGEST_VALUE),
        "service": service or None,
        "kind": KINDS[span.kind] if 0 <= span.kind < len(KINDS) else "internal",
        "status": STATUSES[span.status.code] if 0 <= span.status.code < 3 else "unset",
        "wall_ns": _int64(span.start_time_unix_nano),
        "duration_ns": max(0, _int64(span.end_time_unix_nano - span.start_time_unix_nano)),
        "attributes": _attributes(span),
        "kept": kept,
    }


def _int64(value: int) -> int:
    return max(-(1 << 63), min(value, (1 << 63) - 1))


def _attributes(span: Span) -> str:
    found = {item.key: _value(item.value) for item in span.attributes}
    for event in span.events:
        if event.name == "exception":
            for item in event.attributes:
                if item.key in ("exception.type", "exception.message"):
                    found.setdefault(item.key, _value(item.value))
    if span.status.message:
        found.setdefault("status.message", scrub(span.status.message, _LONGEST_VALUE))
    named = {key: _without_secret(key, value) for key, value in sorted(found.items())}
    return json.dumps(named, ensure_ascii=False, separators=(",", ":"))


def _without_secret(key: str, value: Any) -> Any:
    # A header recorded as an attribute has its name in the key and only the secret in the value.
    if isinstance(value, str):
        pair = f"{key.rpartition('.')[2]}={value}"
        return value if scrub(pair, len(pair)) == pair else scrub(pair, len(pair)).partition("=")[2]
    return value


def _value(value: AnyValue, depth: int = 0) -> Any:
    kind = value.WhichOneof("value")
    if kind is None or depth > 4:
        return None
    if kind == "string_value":
        return scrub(value.string_value, _LONGEST_VALUE)
    if kind == "array_value":
        return [_value(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: _value(item.value, depth + 1) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return value.bytes_value[:_LONGEST_VALUE].hex()
    return getattr(value, kind)
