"""A small HTTP/1.1 server, for what others send us or ask of us: asyncio and h11."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

from loadkit.errors import CollectError

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 64 << 20
_READ = 256 << 10
_IDLE_S = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its whole body, decompressed. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type without parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Response | Awaitable[Response]]


class HttpServer:
    """Calls ``handler`` for each request of a connection in turn; what it raises is a 500.

    Args:
        handler: must not block; what takes time it may await.
        port: of loopback; 0 for a free one.
        listening: a socket that listens already, instead of a port of loopback; closed by ``stop``.
    """

    def __init__(
        self, handler: Handler, port: int = 0, *, listening: socket.socket | None = None
    ) -> None:
        self._handler = handler
        self._wanted = port
        self._listening = listening
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listens.

        Raises:
            CollectError: the port is taken.
        """
        try:
            if self._listening is not None:
                self._server = await asyncio.start_server(
                    self._connected, sock=self._listening, limit=_READ
                )
            else:
                self._server = await asyncio.start_server(
                    self._connected, LOOPBACK, self._wanted, limit=_READ
                )
        except OSError as error:
            raise CollectError(
                f"cannot listen: {error.strerror or error}",
                where=f"{LOOPBACK}:{self._wanted}",
                remedy="Choose another port, or none for a free one.",
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self, grace_s: float = 1.0) -> None:
        """Accepts nothing more, waits for requests under way, closes the connections."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in self._connections:
            task.cancel()  # takes effect where a connection waits for its next request
        if self._connections:
            await asyncio.wait(set(self._connections), timeout=grace_s)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await _Conversation(self._handler, reader, writer).run()
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the peer went, or we do
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.response = Response(status, why.encode())


class _Conversation:
    """One connection."""

    def __init__(
        self, handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._handler = handler
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def run(self) -> None:
        """Answers until either side has had enough."""
        while True:
            try:
                request = await self._request()
                if request is None:
                    return
                response = await self._answer(request)
            except _Refused as error:
                response = error.response
            except h11.RemoteProtocolError as error:
                response = Response(error.error_status_hint, str(error).encode())
            await self._send(response)
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _answer(self, request: Request) -> Response:
        try:
            answer = self._handler(request)
            return await answer if inspect.isawaitable(answer) else answer
        except Exception as error:  # a broken message must not end the server
            return Response(500, type(error).__name__.encode())

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                self._writer.write(self._http.send(_CONTINUE) or b"")
            async with asyncio.timeout(_IDLE_S):
                self._http.receive_data(await self._reader.read(_READ))

    async def _request(self) -> Request | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        pieces, size = [], 0
        while isinstance(event := await self._event(), h11.Data):
            size += len(event.data)
            if size > LARGEST_BODY:
                raise _Refused(413, "too large")
            pieces.append(bytes(event.data))
        return Request(
            head.method.decode("latin-1"),
            head.target.decode("latin-1").partition("?")[0],
            headers,
            _decompressed(b"".join(pieces), headers.get("content-encoding", "identity")),
        )

    async def _send(self, response: Response) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        headers = [
            ("Content-Type", response.content_type),
            *response.headers,
        ]
        if response.status != 304:  # it has no body, and would speak of the one it stands for
            headers.append(("Content-Length", str(len(response.body))))
        parts = (
            h11.Response(status_code=response.status, headers=headers),
            h11.Data(data=response.body),
            h11.EndOfMessage(),
        )
        self._writer.write(b"".join(self._http.send(part) or b"" for part in parts))
        await self._writer.drain()


_CONTINUE = h11.InformationalResponse(status_code=100, headers=[])


def _decompressed(body: bytes, encoding: str) -> bytes:
    kind = encoding.strip().lower()
    if kind in ("", "identity"):
        return body
    if kind not in ("gzip", "x-gzip", "deflate"):
        raise _Refused(415, "Content-Encoding must be gzip, deflate or identity")
    unpack = zlib.decompressobj(wbits=47)  # either header
    try:
        plain = unpack.decompress(body, LARGEST_BODY)
    except zlib.error:
        raise _Refused(400, "the body is not what Content-Encoding says") from None
    if unpack.unconsumed_tail:
        raise _Refused(413, "too large when unpacked")
    if not unpack.eof:
        raise _Refused(400, "the body is cut")
    return plain
