"""``self.client``: from a call to an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from loadkit.load.client import auth as _auth
from loadkit.load.client import bodies, reporter, urls
from loadkit.load.client.caught import CaughtResponse
from loadkit.load.client.connection import Connection
from loadkit.load.client.cookies import header_of
from loadkit.load.client.errors import InvalidHeader, kept
from loadkit.load.client.pool import Connections
from loadkit.load.client.prepared import Prepared
from loadkit.load.client.redirects import REDIRECTS, Step, next_step
from loadkit.load.client.response import Response
from loadkit.load.client.settings import Settings
from loadkit.load.client.stream import Stream
from loadkit.load.client.tls import Cert, Verify

_NS = 1_000_000_000
Timeout = float | tuple[float | None, float | None] | None


class Session(Settings):
    """The calls of one user: ``get``, ``post`` and so on, with cookies and kept connections."""

    def __init__(
        self,
        base_url: str,
        event: Any = None,
        user: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        connect_timeout: float = 60.0,
        timeout: float = 60.0,
        max_redirects: int = 30,
        verify: Verify = True,
        cert: Cert = None,
    ) -> None:
        """``event`` is Locust's ``events.request``; timeouts in seconds.

        Raises:
            InvalidUrl: The base is not an http(s) URL.
        """
        super().__init__(base_url, headers, Connections(connect_timeout, verify, cert))
        self.event = event
        self.user = user
        self.shared: dict[str, Any] = user.__dict__ if user is not None else {}
        self.reporter = reporter.current
        self.max_redirects = max_redirects
        self._timeout_ns = round(timeout * _NS)

    # -- calls ------------------------------------------------------------------------------------

    def get(self, url: str, **kwargs: Any) -> Response:
        """GET."""
        return self.request("GET", url, **kwargs)

    def post(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> Response:
        """POST."""
        # By position where they are most often all: naming them costs a little at every request.
        if not kwargs:
            return self.request("POST", url, None, data, False, False, None, None, json)
        return self.request("POST", url, data=data, json=json, **kwargs)

    def put(self, url: str, data: Any = None, **kwargs: Any) -> Response:
        """PUT."""
        return self.request("PUT", url, data=data, **kwargs)

    def patch(self, url: str, data: Any = None, **kwargs: Any) -> Response:
        """PATCH."""
        return self.request("PATCH", url, data=data, **kwargs)

    def delete(self, url: str, **kwargs: Any) -> Response:
        """DELETE."""
        return self.request("DELETE", url, **kwargs)

    def iter_lines(self, url: str, method: str = "GET", **kwargs: Any) -> Iterator[str]:
        """The lines of an answer as they come; counted when its head is there.

        Raises:
            OSError: No answer, a status of 400 or above, or it broke off.
        """
        response = self.request(method, url, stream=True, **kwargs)
        response.raise_for_status()
        yield from response.iter_lines()

    def head(self, url: str, **kwargs: Any) -> Response:
        """HEAD; redirects are followed here too."""
        return self.request("HEAD", url, **kwargs)

    def options(self, url: str, **kwargs: Any) -> Response:
        """OPTIONS."""
        return self.request("OPTIONS", url, **kwargs)

    def request(
        self,
        method: str,
        url: str,
        name: str | None = None,
        data: Any = None,
        catch_response: bool = False,
        stream: bool = False,
        headers: Mapping[Any, Any] | None = None,
        auth: Any = None,
        json: Any = None,
        allow_redirects: bool = True,
        context: dict[str, Any] | None = None,
        *,
        params: Any = None,
        files: Any = None,
        cookies: Any = None,
        timeout: Timeout = None,
    ) -> Response:
        """Sends a request and returns its answer, or why there is none (``response.error``).

        ``url`` is put behind the user's host unless it is absolute. ``name`` is what it is counted
        under, else the URL as given. With ``stream`` the call returns, and the request is counted,
        when the head is there; the body is read by ``iter_content`` or ``iter_lines``. ``json`` is
        used if there is no ``data``. ``timeout`` in seconds for the whole answer, or a pair
        (connecting, answer).

        Raises:
            InvalidUrl, InvalidHeader, TypeError: The scenario asks for something impossible.
            StopUser: The load is over.
        """
        if json is not None and not data and not files:
            body = bodies.encode_json(json).encode()
            kind: str | None = bodies.JSON
        elif data or files:
            body, kind = bodies.encode_data(data, files)
        else:
            body = kind = None
        name = name or self.request_name or url
        if params is not None:
            url = urls.with_params(url, params)
        if auth is not None or self._signer is not None:
            full = urls.absolute(self.base_url, url)
            signed = _auth.headers_for(self._signer if auth is None else auth, method, full)
            headers = {**(headers or {}), **signed}
        key = (method, url, kind, *headers.items()) if headers else (method, url, kind)
        prepared = self._heads.get(key) or self._prepare(key, method, url, kind, headers)
        make = CaughtResponse if catch_response else Response
        response = make(self, prepared, name, context)
        books = self.reporter
        books.begin(response)
        try:
            self._exchange(response, prepared, body, cookies, timeout, stream)
            if response.status_code in REDIRECTS and allow_redirects:
                self._follow(response, prepared, body, timeout, stream)
        except OSError as error:
            response.status_code = 0
            response.error = kept(error)
            response.ended_ns = time.monotonic_ns()
        except BaseException as error:
            response.ended_ns = time.monotonic_ns()
            books.broke(response, error)
            raise
        finally:
            books.over(response)
        if catch_response:
            response.opened()
        elif response.error is None and response.status_code < 400:
            books.judged(response, None)
        else:
            books.judged(response, response.failed())
        return response

    # -- the exchange -----------------------------------------------------------------------------

    def _exchange(
        self,
        response: Response,
        prepared: Prepared,
        body: bytes | None,
        cookies: Any,
        timeout: Timeout,
        stream: bool,
    ) -> None:
        books = self.reporter
        if prepared.foreign is None:
            traces = books.traces
            response.trace = serial = traces.next()
            lines = traces.line(serial)
        else:
            response.trace = books.foreign(prepared.foreign)
            lines = b""
        if cookies is not None or self.cookies._cookies:  # type: ignore[attr-defined]
            lines += self._cookie_line(prepared, cookies)
        if body:
            length = b"Content-Length: %d\r\n\r\n" % len(body)
            message = b"".join((prepared.start, lines, length, body))
        else:
            message = b"".join((prepared.start, lines, prepared.tail))
        response._sent_body = body
        if timeout is None:
            connect_s, timeout_ns = None, self._timeout_ns
        else:
            connect_s, timeout_ns = self._limits(timeout)
        connections = self._connections
        connection = connections.take(prepared.url.origin, connect_s)
        try:
            connection.exchange(message, timeout_ns, prepared.bare, stream)
        except OSError:
            if not (connection.used and prepared.idempotent and connection.retriable):
                raise
            books.retried += 1
            connection = connections.fresh(prepared.url.origin, connect_s)
            connection.exchange(message, timeout_ns, prepared.bare, stream)
        response.status_code = connection.status
        response._head = head = connection.head
        response.ended_ns = connection.ended_ns
        if stream and not connection.complete:
            response._body = []
            response._stream = Stream(connection, timeout_ns, self._give_back)
        else:
            response._body = connection.body
            self._give_back(connection)
        if b"ookie" in head and (values := response.headers.get_list("set-cookie")):
            self.cookies.learn(prepared.url, values)

    def _give_back(self, connection: Connection) -> None:
        if connection.usable:
            self._connections.give(connection)
        elif connection.unsolicited:
            self.reporter.unsolicited += 1

    def _cookie_line(self, prepared: Prepared, extra: Any) -> bytes:
        if prepared.lines.own_cookie:
            return b""
        parts = [self.cookies.header_for(prepared.url), header_of(extra) if extra else None]
        value = "; ".join(part for part in parts if part)
        if "\r" in value or "\n" in value:
            raise InvalidHeader(f"a cookie holds a line break: {value!r}")
        return f"Cookie: {value}\r\n".encode() if value else b""

    def _limits(self, timeout: Timeout) -> tuple[float | None, int]:
        connect, answer = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        return connect, self._timeout_ns if answer is None else round(answer * _NS)

    def _follow(
        self,
        response: Response,
        prepared: Prepared,
        body: bytes | None,
        timeout: Timeout,
        stream: bool,
    ) -> None:
        """Goes where the answer points, until one points nowhere."""
        history: list[Response] = []
        step: Step | None = Step(prepared, body)
        while step is not None:
            step = next_step(response, step, self.max_redirects - len(history))
            if step is not None:
                history.append(_copy(response))
                response._prepared = step.prepared
                response._headers = response._content = None
                self._exchange(response, step.prepared, step.body, None, timeout, stream)
        response.history = tuple(history)

    # -- saying -----------------------------------------------------------------------------------

    def meta_of(self, response: Response) -> dict[str, Any]:
        """What listeners of ``events.request`` are told."""
        context = dict(self.user.context()) if self.user is not None else {}
        if response.context:
            context.update(response.context)
        since = (time.monotonic_ns() - response.sent_ns) / _NS
        return {
            "request_type": response.method,
            "name": response.name,
            "context": context,
            "response": response,
            "exception": response.failed(),
            "start_time": time.time() - since,
            "url": response.url,
            "response_length": response.size,
            "response_time": (response.ended_ns - response.sent_ns) / 1e6,
        }

    def close(self) -> None:
        """Closes the kept connections."""
        self._connections.close()

    def __del__(self) -> None:
        connections = self.__dict__.get("_connections")
        if connections is not None:
            connections.close()


def _copy(response: Response) -> Response:
    """An answer on the way, for the history."""
    copy = Response(response.session, response._prepared, response.name, response.context)
    copy.status_code = response.status_code
    copy._head, copy._body = response._head, [response.raw]
    copy._sent_body = response._sent_body
    copy.sent_ns, copy.ended_ns = response.sent_ns, response.ended_ns
    return copy
