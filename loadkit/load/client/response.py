"""What came back."""

from __future__ import annotations

import json as _json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from loadkit.load.client.decoding import decoded
from loadkit.load.client.errors import BadStatusCode
from loadkit.load.client.headers import Headers
from loadkit.load.client.stream import Stream, decoded_pieces

if TYPE_CHECKING:
    from loadkit.load.client.prepared import Prepared
    from loadkit.load.client.session import Session

_END = b"\r\n\r\n"


class Request:
    """What was sent."""

    def __init__(self, prepared: Prepared, body: bytes | None) -> None:
        self.method = prepared.method
        self.url = prepared.url.text
        self.path_url = prepared.url.target
        self.headers = Headers(list(prepared.lines.headers.values()))
        self.body = body


class Response:
    """An answer, or the reason why there is none: then ``status_code`` is 0, ``error`` says why
    and ``content`` is None. Headers and body are looked at only when asked for.
    """

    # Most of it stays as it is here: an attribute set costs more than one inherited.
    status_code = 0
    error: BaseException | None = None
    history: tuple[Response, ...] = ()
    code = 0  # of the operation, for the books
    due_ns = 0
    sent_ns = 0
    ended_ns = 0
    trace = 0  # serial number of the trace id
    _sent_body: bytes | None = None
    _head = b""
    _body: list[bytes]
    _content: bytes | None = None
    _stream: Stream | None = None
    _headers: Headers | None = None
    _encoding: str | None = None
    _meta: dict[str, Any] | None = None

    def __init__(
        self, session: Session, prepared: Prepared, name: str, context: dict[str, Any] | None
    ) -> None:
        self.session = session
        self.name = name
        self.context = context
        self._prepared = prepared
        self._body = []

    # -- the head ---------------------------------------------------------------------------------

    @property
    def headers(self) -> Headers:
        """The headers, by name regardless of case; empty without an answer."""
        if self._headers is None:
            self._headers = Headers.parse(self._head.partition(_END)[0])
        return self._headers

    @property
    def reason(self) -> str:
        """The text behind the status code."""
        line = self._head.partition(b"\r\n")[0].decode("latin-1")
        return line.split(" ", 2)[2] if line.count(" ") >= 2 else ""

    @property
    def ok(self) -> bool:
        """Whether there is an answer with a status below 400."""
        return 0 < self.status_code < 400

    @property
    def is_redirect(self) -> bool:
        """Whether it points elsewhere."""
        return self.status_code in (301, 302, 303, 307, 308) and "location" in self.headers

    @property
    def method(self) -> str:
        """The method of the (last) request."""
        return self._prepared.method

    @property
    def url(self) -> str:
        """The URL that answered: after redirects the last one."""
        return self._prepared.url.text

    @property
    def request(self) -> Request:
        """The (last) request."""
        return Request(self._prepared, self._sent_body)

    @property
    def elapsed(self) -> timedelta:
        """Service time: from sending to the complete answer."""
        return timedelta(microseconds=(self.ended_ns - self.sent_ns) / 1000)

    @property
    def cookies(self) -> Any:
        """The cookies of the session, those that this answer set among them."""
        return self.session.cookies

    # -- the body ---------------------------------------------------------------------------------

    @property
    def raw(self) -> bytes:
        """The body as it came, still encoded; of a streamed one the rest is read now."""
        if self._stream is not None:
            self._body += self._stream.pieces()
            self._stream = None
        body = self._body
        if len(body) > 1:
            self._body = body = [b"".join(body)]
        return body[0] if body else b""

    @property
    def size(self) -> int:
        """Bytes of the body as it came."""
        return sum(map(len, self._body))

    @property
    def content(self) -> bytes | None:
        """The decoded body; None without an answer.

        Raises:
            CorruptBody: It is not what its Content-Encoding says.
        """
        if self._content is None and self.status_code:
            coding = self.headers.get("content-encoding")
            self._content = self.raw if coding is None else decoded(self.raw, coding)
        return self._content

    def iter_content(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The decoded body in pieces: as they come with ``stream=True``, or of ``chunk_size``.

        Raises:
            OSError: One of ``errors``: it broke off, or nothing came in time.
        """
        if self._stream is None:
            pieces: Iterator[bytes] = iter([self.content or b""])
        else:
            stream, self._stream = self._stream, None
            pieces = decoded_pieces(stream.pieces(), self.headers.get("content-encoding", ""))
        for piece in pieces:
            for at in range(0, len(piece), chunk_size or len(piece)):
                yield piece[at : at + chunk_size] if chunk_size else piece

    def iter_lines(self) -> Iterator[str]:
        """The body line by line, without line ends; with ``stream=True`` as they come."""
        rest = b""
        for piece in self.iter_content():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.removesuffix(b"\r").decode(self.encoding, "replace")
        if rest:
            yield rest.decode(self.encoding, "replace")

    def close(self) -> None:
        """Gives up the rest of a streamed body."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    @property
    def encoding(self) -> str:
        """How ``text`` is read: the charset of the Content-Type, or UTF-8; may be set."""
        if self._encoding is None:
            self._encoding = _charset(self.headers.get("content-type", ""))
        return self._encoding

    @encoding.setter
    def encoding(self, value: str) -> None:
        self._encoding = value

    @property
    def text(self) -> str | None:
        """The body as text; what cannot be read is replaced. None without an answer."""
        content = self.content
        return None if content is None else content.decode(self.encoding, "replace")

    def json(self, **kwargs: Any) -> Any:
        """The body as JSON, parsed at each call.

        Raises:
            json.JSONDecodeError: It is not JSON, or there is no answer.
        """
        content = self.content
        return _json.loads("" if content is None else content, **kwargs)

    def opened(self) -> None:
        """The answer is there and waits for a verdict; only with catch_response=True."""

    def raise_for_status(self) -> None:
        """Nothing, if the request went well.

        Raises:
            BadStatusCode: The status is 400 or above.
            OSError: There is no answer; the error says why.
        """
        error = self.failed()
        if error is not None:
            raise error

    def failed(self) -> BaseException | None:
        """Why the request counts as failed by itself; None if it does not."""
        if self.error is not None:
            return self.error
        if self.status_code >= 400:
            return BadStatusCode(self.status_code, self.reason, self.name)
        return None

    # -- judging ----------------------------------------------------------------------------------

    @property
    def request_meta(self) -> dict[str, Any]:
        """What listeners of ``events.request`` will be told; may be changed before they are."""
        if self._meta is None:
            self._meta = self.session.meta_of(self)
        return self._meta

    def told(self) -> dict[str, Any]:
        """The same for the listeners, and no longer kept: it refers back to the response."""
        meta, self._meta = self._meta, None
        return self.session.meta_of(self) if meta is None else meta

    def success(self) -> None:
        """Only with catch_response=True."""
        self._not_caught()

    def failure(self, exc: Any) -> None:
        """Only with catch_response=True."""
        self._not_caught()

    def __enter__(self) -> Response:
        self._not_caught()
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> bool | None:
        return None

    def _not_caught(self) -> None:
        from locust.exception import LocustError

        raise LocustError(
            "To judge an answer yourself, pass catch_response=True and use a with block."
        )

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.status_code}]>"


def _charset(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            value = value.strip().strip("\"'")
            try:
                "".encode(value)
                b"".decode(value)
            except (LookupError, ValueError):
                break
            return value
    return "utf-8"
