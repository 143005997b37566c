"""Each frame is taken once and in order, whatever is lost, doubled or cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.load.workers.ledger import Full, Inbox, Outbox

EVENTS = st.lists(
    st.sampled_from(["put", "send", "arrive", "double", "ack", "lose ack", "cut"]), max_size=200
)


class Link:
    """Two ends and what is on its way between them, in order, as TCP does it."""

    def __init__(self) -> None:
        self.outbox, self.inbox = Outbox(), Inbox()
        self.put = 0
        self.taken: list[int] = []
        self.on_its_way: list[tuple[int, bytes]] = []
        self.acks: list[int] = []

    def do(self, event: str) -> None:
        if event == "put":
            self.outbox.put(b"%d" % self.put)
            self.put += 1
        elif event == "send":
            entry = self.outbox.take()
            if entry is not None:
                self.on_its_way.append(entry)
        elif event in ("arrive", "double") and self.on_its_way:
            number, body = self.on_its_way.pop(0)
            for _ in range(2 if event == "double" else 1):
                if self.inbox.take(number):
                    self.taken.append(int(body))
            self.acks.append(self.inbox.taken)
        elif event == "ack" and self.acks:
            self.outbox.acknowledged(self.acks.pop(0))
        elif event == "lose ack" and self.acks:
            self.acks.pop(0)
        elif event == "cut":  # all that was on its way is gone; the welcome says what was taken
            self.on_its_way.clear()
            self.acks.clear()
            self.outbox.acknowledged(self.inbox.taken)
            self.outbox.rewind()


@settings(max_examples=300)
@given(EVENTS)
def test_every_frame_is_taken_exactly_once_in_order(events: list[str]) -> None:
    link = Link()
    for event in events:
        link.do(event)
        assert link.taken == list(range(len(link.taken)))
    link.do("cut")
    for _ in range(link.put):
        link.do("send")
        link.do("arrive")
        link.do("ack")
    assert link.taken == list(range(link.put))
    assert link.outbox.empty


def test_old_acknowledgements_change_nothing_and_false_ones_are_refused() -> None:
    outbox = Outbox()
    for _ in range(3):
        outbox.put(b"x")
    outbox.acknowledged(2)
    outbox.acknowledged(1)
    assert outbox.take() == (2, b"x")
    with pytest.raises(ValueError, match="never sent"):
        outbox.acknowledged(4)


def test_a_gap_is_an_error_and_not_a_loss() -> None:
    inbox = Inbox()
    assert inbox.take(0)
    with pytest.raises(ValueError, match="frame 2 came before frame 1"):
        inbox.take(2)
    assert inbox.taken == 1


def test_the_bound_is_said_and_room_comes_back() -> None:
    outbox = Outbox(limit=10)
    outbox.put(b"123456")
    with pytest.raises(Full, match="6 bytes"):
        outbox.put(b"12345")
    outbox.acknowledged(1)
    outbox.put(b"12345")
    assert outbox.take() == (1, b"12345")
