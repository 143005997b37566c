"""One connection: a message out, a message in, with no system call more than needed.

The socket is watched for reading as long as the connection lives, whether an answer is awaited or
not: so nothing is registered or taken away a request, and a server that hangs up between requests
is noticed at once. The watcher's callback runs in the hub; it reads, feeds the parser and, when
the answer is complete, switches straight to the greenlet that waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

import gevent
from gevent import getcurrent

from loadkit.load.client.errors import ResponseTimeout, translated
from loadkit.load.client.origin import Origin
from loadkit.load.client.reading import Reader
from loadkit.load.client.tls import Tls

_READ, _WRITE = 1, 2
_CHUNK = 65_536
_NS = 1_000_000_000


class Connection(Reader):
    """An established connection. After ``exchange`` the answer is in it, see ``Reader``."""

    def __init__(self, sock: Any, tls: Tls | None, origin: Origin) -> None:
        """Takes over a connected, non-blocking ``_socket.socket``; ``origin`` is where it leads."""
        super().__init__()
        self.origin = origin
        self.used = False  # whether it has carried an exchange
        self._sock = sock
        self._recv: Callable[[int], bytes] = sock.recv
        self._send: Callable[[bytes | memoryview], int] = sock.send
        self._tls = tls
        self._hub = gevent.get_hub()
        self._waiting: Any = None  # the greenlet
        self._error: OSError | None = None
        self._timed_out = False
        self._deadline = 0
        self._alarm: Any = None
        self._alarm_at = 0
        self._watcher = self._hub.loop.io(sock.fileno(), _READ)
        self._watch()

    def _watch(self) -> None:
        self._watcher.start(self._readable if self._tls is None else self._readable_tls)

    # -- the exchange ---------------------------------------------------------------------------

    def exchange(self, message: bytes, timeout_ns: int, bare: bool, stream: bool = False) -> None:
        """Sends a request and waits for the whole answer, or with ``stream`` for its head; what
        follows then is got by ``more``. ``bare`` for HEAD.

        Raises:
            OSError: One of ``errors``; the connection is closed then.
        """
        self._expect(bare, stream)
        self._limit(timeout_ns)
        if self._tls is not None:
            message = self._tls.encrypt(message)
        try:
            sent = self._send(message)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._last_words(translated(error))
            self._settle()
            return
        if sent < len(message):
            self._send_rest(message, sent)
        if not self._complete and self._error is None and not (stream and self._head_done):
            self._wait()
        if self._error is not None or (self._complete and not self.usable):
            self._settle()

    def more(self, timeout_ns: int) -> list[bytes]:
        """The next pieces of a streamed body; none at its end.

        Raises:
            OSError: One of ``errors``, as for ``exchange``.
        """
        if not self.body and not self._over():
            self._limit(timeout_ns)
            self._watch()
            self._wait()
        if self._error is not None or (self._complete and not self.usable):
            self._settle()
        pieces, self.body = self.body, []
        return pieces

    @property
    def retriable(self) -> bool:
        """Whether the last exchange broke off before a byte of its answer had come."""
        return not self._answered and not self._timed_out

    def _wait(self) -> None:
        self._waiting = getcurrent()
        try:
            self._hub.switch()
        except BaseException:
            # Killed, or a timeout of the scenario's own: what comes now belongs to nobody.
            self._waiting = None
            self.close()
            raise

    def _wake(self) -> None:
        greenlet, self._waiting = self._waiting, None
        if greenlet is not None:
            greenlet.switch()

    def _over(self) -> bool:
        return self._complete or self._error is not None

    def _settle(self) -> None:
        """Closes what cannot be used again, and raises what went wrong."""
        error, self._error = self._error, None
        self.close()
        if error is not None and not self._complete:
            raise error

    def _send_rest(self, message: bytes, sent: int) -> None:
        """The socket's buffer is full: goes on when it can take more, unless the answer comes."""
        rest = memoryview(message)[sent:]
        writable = self._hub.loop.io(self._sock.fileno(), _WRITE)
        try:
            while rest and not self._over():
                writable.start(self._wake)
                try:
                    self._wait()
                finally:
                    writable.stop()
                if self._over():
                    break
                try:
                    rest = rest[self._send(rest) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    self._last_words(translated(error))
        finally:
            writable.close()
        if rest:
            self.usable = False  # answered before it had read everything

    def _last_words(self, error: OSError) -> None:
        """Sending failed; what the server said before it hung up may still be there to be read."""
        self._readable() if self._tls is None else self._readable_tls()
        if not self._over() or not self._answered:
            self._error = error

    # -- time -----------------------------------------------------------------------------------

    def _limit(self, timeout_ns: int) -> None:
        self._deadline = deadline = monotonic_ns() + timeout_ns
        if self._alarm_at == 0 or deadline < self._alarm_at:
            self._set_alarm(deadline, timeout_ns)

    def _set_alarm(self, at_ns: int, after_ns: int) -> None:
        if self._alarm is not None:
            self._alarm.close()
        self._alarm_at = at_ns
        self._alarm = self._hub.loop.timer(max(0.0, after_ns / _NS))
        self._alarm.start(self._on_alarm, update=True)

    def _on_alarm(self) -> None:
        """Set once for many requests: only now is it seen whether one of them is overdue."""
        self._alarm_at = 0
        if self._over() or self._waiting is None:
            return
        left = self._deadline - monotonic_ns()
        if left > 0:
            self._set_alarm(self._deadline, left)
            return
        got = "it had begun" if self._answered else "no byte of it came"
        self._timed_out = True
        self._fail(ResponseTimeout(f"the answer was not complete in time; {got}"))

    # -- what comes in (in the hub) -------------------------------------------------------------

    def _readable(self) -> None:
        try:
            data = self._recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(translated(error))
            return
        if data:
            self._take(data)
        else:
            self._hung_up()

    def _readable_tls(self) -> None:
        assert self._tls is not None
        try:
            records = self._recv(_CHUNK)
            data = self._tls.decrypt(records) if records else None
            if reply := self._tls.pending():
                self._send(reply)
        except BlockingIOError:
            return
        except OSError as error:  # ssl.SSLError is one
            self._lost(translated(error))
            return
        if data:
            self._take(data)
        elif data is None:
            self._hung_up()

    def _lost(self, error: OSError) -> None:
        if self._complete:
            self.close()
        else:
            self._fail(error)

    def _done(self) -> None:
        greenlet = self._waiting
        if greenlet is not None:
            self._waiting = None
            greenlet.switch()

    def _pause(self) -> None:
        """No more is read until it is asked for."""
        self._watcher.stop()
        self.ended_ns = monotonic_ns()
        self._wake()

    def _fail(self, error: OSError) -> None:
        self._error = error
        self._watcher.stop()  # a closed socket stays readable
        self._wake()

    # -- the end ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Closes it; safe to call again."""
        self.usable = False
        if self._sock is None:
            return
        self._watcher.close()
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None
        self._sock.close()
        # These refer back to the connection: gone now, not at some later collection.
        self._sock = self._parser = None
        del self._feed, self._keeps_alive, self._recv, self._send
