"""Who knows the token gets in, nobody else does; what is changed on the way is noticed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.load.workers import handshake
from loadkit.load.workers.handshake import MasterSide, Refused, WorkerSide
from loadkit.load.workers.seal import HEAD, Opener, Sealer, Tampered
from loadkit.load.workers.wire import Wire

TOKEN = "a token of the test"
ONE, TWO = b"1" * 32, b"2" * 32


def test_both_ends_end_with_the_same_keys_one_for_each_direction() -> None:
    worker, master = WorkerSide(TOKEN, "data", ONE), MasterSide(TOKEN, TWO)
    challenge = master.challenge(worker.hello())
    verdict, of_master = master.verdict(worker.proof(challenge))
    of_worker = worker.keys(verdict)
    assert master.role == "data"
    assert (of_worker.to_master, of_worker.to_worker) == (of_master.to_master, of_master.to_worker)
    assert of_worker.to_master != of_worker.to_worker
    assert TOKEN not in repr(of_worker)


def test_the_token_itself_is_never_sent() -> None:
    worker, master = WorkerSide(TOKEN, "data", ONE), MasterSide(TOKEN, TWO)
    hello = worker.hello()
    challenge = master.challenge(hello)
    proof = worker.proof(challenge)
    verdict, _ = master.verdict(proof)
    assert TOKEN not in str([hello, challenge, proof, verdict])


def test_a_wrong_token_is_refused_before_the_master_has_proved_anything() -> None:
    worker, master = WorkerSide("another token", "data", ONE), MasterSide(TOKEN, TWO)
    proof = worker.proof(master.challenge(worker.hello()))
    with pytest.raises(Refused, match="its token is not the master's"):
        master.verdict(proof)


def test_a_master_that_does_not_know_the_token_is_found_out() -> None:
    worker, impostor = WorkerSide(TOKEN, "data", ONE), MasterSide("another token", TWO)
    worker.proof(impostor.challenge(worker.hello()))
    with pytest.raises(Refused, match="does not know the token"):
        worker.keys({"proof": b"x" * 32})


def test_a_proof_heard_before_is_of_no_use_again() -> None:
    worker, master = WorkerSide(TOKEN, "data", ONE), MasterSide(TOKEN, TWO)
    hello = worker.hello()
    proof = worker.proof(master.challenge(hello))
    later = MasterSide(TOKEN, handshake.new_nonce())
    later.challenge(hello)
    with pytest.raises(Refused):
        later.verdict(proof)


def test_a_proof_for_control_does_not_open_data() -> None:
    worker, master = WorkerSide(TOKEN, "control", ONE), MasterSide(TOKEN, TWO)
    hello = worker.hello()
    master.challenge({**hello, "role": "data"})  # changed on the way
    proof = worker.proof({"nonce": TWO})
    with pytest.raises(Refused):
        master.verdict(proof)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"version": 2, "role": "data", "nonce": ONE}, "version 2"),
        ({"version": 1, "role": "king", "nonce": ONE}, "does not speak"),
        ({"version": 1, "role": "data", "nonce": b"short"}, "does not speak"),
        ({"version": 1, "role": "data"}, "does not speak"),
        ({}, "does not speak"),
    ],
)
def test_a_hello_that_is_none_is_refused_by_name(message: dict[str, object], why: str) -> None:
    with pytest.raises(Refused, match=why):
        MasterSide(TOKEN, TWO).challenge(message)


# -- frames ---------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(1, 50))
def test_frames_come_out_as_they_went_in(bodies: list[bytes], piece: int) -> None:
    sealer, opener = Sealer(ONE), Opener(ONE)
    data = b"".join(sealer.seal(body) for body in bodies)
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    assert [body for part in pieces for body in opener.feed(part)] == bodies


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_single_changed_bit_goes_unnoticed(place: int, bit: int) -> None:
    frame = bytearray(Sealer(ONE).seal(b"fifteen bytes ."))
    frame[place % len(frame)] ^= 1 << bit
    opener = Opener(ONE)
    try:
        found = list(opener.feed(bytes(frame) + b"\0" * 100_000))
    except Tampered:
        return
    assert found == []  # the length was changed: it waits for more than there is


@pytest.mark.parametrize("order", [[0, 0], [1], [1, 0], [0, 2]])
def test_repeated_left_out_and_reordered_frames_are_noticed(order: list[int]) -> None:
    sealer = Sealer(ONE)
    frames = [sealer.seal(bytes([number])) for number in range(3)]
    with pytest.raises(Tampered):
        list(Opener(ONE).feed(b"".join(frames[number] for number in order)))


def test_a_frame_of_the_other_direction_or_another_connection_is_refused() -> None:
    with pytest.raises(Tampered):
        list(Opener(TWO).feed(Sealer(ONE).seal(b"hello")))
    with pytest.raises(Tampered, match="bytes"):
        list(Opener(ONE).feed(b"\xff" * HEAD))


# -- over a socket --------------------------------------------------------------------------------


@contextmanager
def wires() -> Iterator[tuple[Wire, Wire]]:
    one, other = socket.socketpair()
    worker, master = Wire(one), Wire(other)
    try:
        yield worker, master
    finally:
        worker.close()
        master.close()


def admit(master: Wire, token: str) -> tuple[threading.Thread, list[object]]:
    said: list[object] = []

    def run() -> None:
        try:
            said.append(master.admit(token))
        except (Refused, OSError) as error:
            said.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, said


def test_a_wire_carries_maps_both_ways_once_both_know_each_other() -> None:
    with wires() as (worker, master):
        thread, said = admit(master, TOKEN)
        worker.introduce(TOKEN, "control")
        thread.join(5)
        assert said == ["control"]
        large = {"type": "data", "body": b"x" * 300_000}
        sender = threading.Thread(target=worker.send, args=[large])
        sender.start()  # more than a socket holds: somebody has to read
        assert master.receive() == {"type": "data", "body": b"x" * 300_000}
        sender.join(5)
        master.send({"type": "ack", "taken": 1})
        assert worker.receive() == {"type": "ack", "taken": 1}
        master.close()
        assert worker.receive() is None


def test_over_a_wire_both_ends_say_that_the_token_is_wrong() -> None:
    with wires() as (worker, master):
        thread, said = admit(master, TOKEN)
        with pytest.raises(Refused, match="its token is not the master's"):
            worker.introduce("another token, long enough", "data")
        thread.join(5)
        assert str(said[0]) == "its token is not the master's"


def test_a_stranger_who_sends_something_else_is_refused() -> None:
    one, other = socket.socketpair()
    with one, other:
        thread, said = admit(Wire(other), TOKEN)
        one.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
        thread.join(5)
        assert isinstance(said[0], Refused)
