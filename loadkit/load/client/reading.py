"""From bytes to answers: the state of what is being read on one connection.

No socket here: pieces are given to ``_take`` in the order they came, and the methods that
subclasses define are told what they meant.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from loadkit.load.client.errors import ConnectionClosed, MalformedResponse, translated
from loadkit.load.client.framing import MOST_HEAD, MOST_INTERIM, ends_at_close

_NO_BODY = frozenset({204, 304})
_END = b"\r\n\r\n"


class Reader:
    """Reads one answer after the other.

    The answer is in ``status``, ``head`` (its bytes, status line and headers) and ``body`` (pieces
    as they came, without the framing of chunks); ``usable`` says whether another may follow.
    """

    def __init__(self) -> None:
        self.status = 0
        self.head = b""
        self.body: list[bytes] = []
        self.ended_ns = 0
        self.usable = True
        self.unsolicited = False  # whether bytes came that nobody asked for
        # A bool; the parser changes it behind a type checker's back.
        self._complete: Any = True
        self._answered = False  # whether a byte of the answer came
        self._head_done = False
        self._bare = False  # the answer has no body whatever it says
        self._streaming = False
        self._interim = 0
        self._new_parser()

    def _new_parser(self) -> None:
        self._parser: Any = HttpResponseParser(self)
        self._feed: Callable[[bytes], None] = self._parser.feed_data
        self._keeps_alive: Callable[[], bool] = self._parser.should_keep_alive

    def _expect(self, bare: bool, streaming: bool) -> None:
        """A request goes out: what comes next is its answer; ``bare`` for HEAD."""
        self._complete = self._answered = self._head_done = False
        self._bare = bare
        self._streaming = streaming
        self._interim = 0
        self.body = []

    @property
    def complete(self) -> bool:
        """Whether the whole answer is there."""
        return bool(self._complete)

    # -- what subclasses do -----------------------------------------------------------------------

    def _done(self) -> None:
        """The answer is complete."""
        raise NotImplementedError

    def _pause(self) -> None:
        """A piece of a streamed body is there."""
        raise NotImplementedError

    def _fail(self, error: OSError) -> None:
        """There will be no (whole) answer."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing more will be read."""
        raise NotImplementedError

    # -- pieces -----------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        if self._complete:
            self.unsolicited = True
            self.close()
            return
        if not self._answered:
            self._answered = True
            self.head = data
        elif not self._head_done:
            self.head += data
        try:
            self._feed(data)
        except HttpParserUpgrade:
            self._switched_protocols()
        except HttpParserError as error:
            if not self._complete:  # else it is what came after the answer
                self._fail(translated(error))
                return
            self._has_leftovers()
        if self._complete:
            if self.status != 200:
                self._without_body()
        elif not self._ends_with_head():
            if self._streaming and self._head_done:
                self._pause()
            return
        self.ended_ns = monotonic_ns()
        self._done()

    def _ends_with_head(self) -> bool:
        """More is to come, unless the answer is one that has no body whatever its head says."""
        if self._head_done:
            return False
        end = self.head.find(_END)
        if end < 0:
            if len(self.head) > MOST_HEAD:
                self._fail(MalformedResponse(f"its head is longer than {MOST_HEAD} bytes"))
            return False
        self._head_done = True
        self.status = self._parser.get_status_code()
        if not self._bare and self.status not in _NO_BODY:
            return False
        self._complete = True
        self.usable = self._keeps_alive()
        self.body = []
        if len(self.head) > end + len(_END):
            self._has_leftovers()
        # The parser cannot be told that the announced body will not come: another takes over.
        self._new_parser()
        return True

    def _without_body(self) -> None:
        if self.body and (self._bare or self.status in _NO_BODY):
            self.body = []
            self._has_leftovers()

    def _has_leftovers(self) -> None:
        self.unsolicited = True
        self.usable = False

    def _switched_protocols(self) -> None:
        """101: what follows is no HTTP any more."""
        self.status = self._parser.get_status_code()
        self._complete = True
        self.usable = False

    def _hung_up(self) -> None:
        """There are no more bytes."""
        if self._complete:
            self.close()
        elif self._head_done and ends_at_close(self.head):
            self._complete = True
            self.usable = False
            self.ended_ns = monotonic_ns()
            self._done()
        elif not self._answered:
            self._fail(ConnectionClosed("closed by the server before it answered"))
        else:
            self._fail(ConnectionClosed("closed by the server within its answer"))

    # -- called by the parser ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A message begins; after the answer none may."""
        if self._complete:
            raise MalformedResponse("more came than was asked for")

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self.body.append(data)

    def on_message_complete(self) -> None:
        """A message is complete: the answer, or an interim one before it."""
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise MalformedResponse(f"more than {MOST_INTERIM} interim answers")
            self.head = self.head[self.head.find(_END) + len(_END) :]
            return
        self.status = status
        self._complete = True
        self.usable = self._keeps_alive()
