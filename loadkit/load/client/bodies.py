"""Bodies of requests: JSON, forms, files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from json import encoder as _encoder
from typing import Any

from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from loadkit.load.client import urls

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _make_encode() -> Any:
    make = getattr(_encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without the C part
        return _plain.encode
    # JSONEncoder.encode makes this object anew at every call, half of the cost of a small body.
    text = _encoder.encode_basestring
    encode = make(None, _plain.default, text, None, ":", ",", False, False, False)

    def encoded(value: Any) -> str:
        return "".join(encode(value, 0))

    return encoded


encode_json = _make_encode()
"""A value as JSON text: compact, not escaped to ASCII.

Raises:
    TypeError: It holds something that JSON does not know.
    ValueError: It holds NaN or an infinity.
"""


def encode_data(data: Any, files: Any) -> tuple[bytes, str | None]:
    """Body and content type for ``data=`` and ``files=``, as requests reads them.

    Raises:
        TypeError: It is nothing that could be sent.
    """
    if files:
        return _multipart(data, files)
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data), None
    if isinstance(data, str):
        return data.encode(), None
    if isinstance(data, Mapping):
        return urls.form(data).encode(), FORM
    if hasattr(data, "read"):
        return _bytes(data.read()), None
    if isinstance(data, Iterable):
        items = list(data)
        if items and all(isinstance(item, tuple) and len(item) == 2 for item in items):
            return urls.form(items).encode(), FORM
        return b"".join(_bytes(item) for item in items), None
    raise TypeError(f"data= cannot be {type(data).__name__}")


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise TypeError(f"a body cannot hold {type(value).__name__}")


def _pairs(given: Any) -> list[tuple[Any, Any]]:
    return list(given.items() if isinstance(given, Mapping) else given)


def _multipart(data: Any, files: Any) -> tuple[bytes, str]:
    fields = []
    for name, value in _pairs(data or ()):
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None:
                text = one if isinstance(one, bytes) else str(one)
                field = RequestField(name, text)
                field.make_multipart()
                fields.append(field)
    fields += [_file(name, value) for name, value in _pairs(files)]
    body, content_type = encode_multipart_formdata(fields)
    return body, content_type


def _file(name: str, value: Any) -> RequestField:
    """A file: its content, or (file name, content[, content type[, headers]])."""
    content_type = headers = None
    if isinstance(value, tuple | list):
        file_name, content, *rest = value
        content_type = rest[0] if rest else None
        headers = rest[1] if len(rest) > 1 else None
    else:
        content = value
        own = getattr(value, "name", None)
        file_name = own.rpartition("/")[2] if isinstance(own, str) else name
    if hasattr(content, "read"):
        content = content.read()
    field = RequestField(name, _bytes(content), filename=file_name, headers=headers)
    field.make_multipart(content_type=content_type)
    return field
