"""Who is there: both ends prove that they know the token without sending it. Pure.

::

    worker                                  master
      hello      version, role, nonce   →
               ←  challenge             nonce
      proof      HMAC(token, …)         →
               ←  verdict               HMAC(token, …), or refused

Every HMAC-SHA256 covers the version, the role and both nonces, so that nothing heard before is of
use again. The worker proves itself first: a stranger who only connects learns nothing that could
be tried against guesses. Both ends then have a key for each direction.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERSION = 1
ROLES = ("data", "control")
NONCE_BYTES = 32
WRONG_TOKEN = "its token is not the master's"


class Refused(Exception):
    """The other end does not want us, or is not who it should be; ``str()`` says why."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Keys of one connection, 32 bytes each."""

    to_master: bytes
    to_worker: bytes


def new_nonce() -> bytes:
    """A number used once."""
    return secrets.token_bytes(NONCE_BYTES)


def _mac(token: str, purpose: bytes, transcript: bytes) -> bytes:
    return hmac.new(token.encode(), purpose + b"\0" + transcript, hashlib.sha256).digest()


def _transcript(role: str, worker_nonce: bytes, master_nonce: bytes) -> bytes:
    # Each part has a fixed length or an end of its own, so no two transcripts look alike.
    head = b"loadkit workers\0" + bytes([VERSION]) + role.encode() + b"\0"
    return head + worker_nonce + master_nonce


def _keys(token: str, transcript: bytes) -> Keys:
    return Keys(_mac(token, b"to master", transcript), _mac(token, b"to worker", transcript))


def _bytes(message: Mapping[str, Any], key: str) -> bytes:
    value = message.get(key)
    if not isinstance(value, bytes) or len(value) != NONCE_BYTES:
        raise Refused("it does not speak the language of loadkit's workers")
    return value


class WorkerSide:
    """The worker's half, for one connection."""

    def __init__(self, token: str, role: str, nonce: bytes) -> None:
        self._token = token
        self._role = role
        self._nonce = nonce
        self._transcript = b""

    def hello(self) -> dict[str, Any]:
        """The first message."""
        return {"version": VERSION, "role": self._role, "nonce": self._nonce}

    def proof(self, challenge: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to the master's challenge.

        Raises:
            Refused: the master turned us away, or speaks another language.
        """
        _check_refusal(challenge)
        self._transcript = _transcript(self._role, self._nonce, _bytes(challenge, "nonce"))
        return {"proof": _mac(self._token, b"worker", self._transcript)}

    def keys(self, verdict: Mapping[str, Any]) -> Keys:
        """The keys, once the master has proved itself too.

        Raises:
            Refused: the master turned us away, or does not know the token.
        """
        _check_refusal(verdict)
        expected = _mac(self._token, b"master", self._transcript)
        if not hmac.compare_digest(expected, _bytes(verdict, "proof")):
            raise Refused("who answers there does not know the token")
        return _keys(self._token, self._transcript)


class MasterSide:
    """The master's half, for one connection."""

    def __init__(self, token: str, nonce: bytes) -> None:
        self._token = token
        self._nonce = nonce
        self._transcript = b""
        self.role = ""

    def challenge(self, hello: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a worker's hello.

        Raises:
            Refused: another version, or no worker at all.
        """
        version, role = hello.get("version"), hello.get("role")
        if not isinstance(version, int) or role not in ROLES:
            raise Refused("it does not speak the language of loadkit's workers")
        if version != VERSION:
            raise Refused(f"it speaks version {version} of the workers' language, not {VERSION}")
        self.role = str(role)
        self._transcript = _transcript(self.role, _bytes(hello, "nonce"), self._nonce)
        return {"nonce": self._nonce}

    def verdict(self, proof: Mapping[str, Any]) -> tuple[dict[str, Any], Keys]:
        """Our own proof and the keys, once the worker has proved itself.

        Raises:
            Refused: the worker does not know the token.
        """
        expected = _mac(self._token, b"worker", self._transcript)
        if not hmac.compare_digest(expected, _bytes(proof, "proof")):
            raise Refused(WRONG_TOKEN)
        ours = _mac(self._token, b"master", self._transcript)
        return {"proof": ours}, _keys(self._token, self._transcript)


def _check_refusal(message: Mapping[str, Any]) -> None:
    if "refused" in message:
        raise Refused(str(message["refused"]))
