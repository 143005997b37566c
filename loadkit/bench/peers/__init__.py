"""The load generators that are compared, a module each."""

from __future__ import annotations

from collections.abc import Sequence

from loadkit.bench.peers.autocannon import Autocannon
from loadkit.bench.peers.hey import Hey
from loadkit.bench.peers.k6 import K6
from loadkit.bench.peers.loadkit import Loadkit
from loadkit.bench.peers.locust import Locust
from loadkit.bench.peers.oha import Oha
from loadkit.bench.peers.peer import Peer
from loadkit.bench.peers.vegeta import Vegeta
from loadkit.bench.peers.wrk import Wrk
from loadkit.errors import UsageError

OURS = "loadkit"
FAST = "locust-fast"

PEERS: tuple[Peer, ...] = (
    Loadkit(),
    Locust(FAST, "FastHttpUser"),
    Locust("locust-http", "HttpUser"),
    K6(),
    Hey(),
    Vegeta(),
    Autocannon(),
    Oha(),
    Wrk(),
)


def chosen(names: Sequence[str]) -> tuple[Peer, ...]:
    """Peers by name, all of them without names; in the order of PEERS.

    Raises:
        UsageError: a name is none of them.
    """
    known = {peer.name: peer for peer in PEERS}
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no load generator {name!r} to compare",
                remedy=f"One of {', '.join(known)}.",
            )
    return tuple(peer for peer in PEERS if not names or peer.name in names)
