"""The connections a session keeps, by whom they lead to."""

from __future__ import annotations

from loadkit.load.client.connection import Connection
from loadkit.load.client.dial import dial
from loadkit.load.client.origin import Origin
from loadkit.load.client.tls import Cert, Verify


class Connections:
    """Idle connections of one session. One is enough for a user who waits for each answer;
    greenlets that share a session get one each.
    """

    def __init__(self, timeout_s: float, verify: Verify, cert: Cert) -> None:
        self.verify = verify
        self.cert = cert
        self._timeout_s = timeout_s
        self._idle: dict[Origin, list[Connection]] = {}

    def take(self, origin: Origin, timeout_s: float | None) -> Connection:
        """A kept connection if there is one that is still open, else a new one.

        Raises:
            OSError: It could not be established, one of ``errors``.
        """
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return self.fresh(origin, timeout_s)

    def fresh(self, origin: Origin, timeout_s: float | None) -> Connection:
        """A new connection."""
        limit = self._timeout_s if timeout_s is None else timeout_s
        return dial(origin, limit, self.verify, self.cert)

    def give(self, connection: Connection) -> None:
        """Takes back one whose exchange is over."""
        connection.used = True
        try:
            self._idle[connection.origin].append(connection)
        except KeyError:
            self._idle[connection.origin] = [connection]

    def close(self) -> None:
        """Closes them all."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()
