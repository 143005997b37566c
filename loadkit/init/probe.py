"""Looks at a running service: whether it answers, its metrics, its document, its process.

A few GET requests and no load. Redirects are followed on the same host only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

import httpx
import psutil

from loadkit.analyse.roles import guess
from loadkit.collect.answers import unreachable
from loadkit.collect.exposition import ACCEPT, Exposition, read_exposition
from loadkit.collect.processes import find
from loadkit.config import Process
from loadkit.errors import CollectError, TargetError, UsageError
from loadkit.init.places import Place, place
from loadkit.model.roles import Guess
from loadkit.scrub import scrub

TIMEOUT_S = 5.0
MOST_BYTES = 32_000_000
METRICS = ("/metrics", "/actuator/prometheus", "/q/metrics")
DOCUMENTS = ("/openapi.json", "/openapi.yaml", "/v3/api-docs", "/api/openapi.json")
_HOPS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``url`` is the one that answered."""

    url: str
    status: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Listener:
    """The process that listens on the service's port; ``python``: py-spy can sample it."""

    name: str
    command: str
    pid: int
    python: bool


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found out about a service."""

    place: Place
    status: int
    exposition: str | None = None
    found: Exposition | None = None
    guess: Guess | None = None
    document: Answer | None = None
    listener: Listener | None = None


def probe(where: Place, document: bool) -> Probed:
    """Looks at a service.

    Args:
        where: the service.
        document: whether an OpenAPI document is looked for.

    Raises:
        TargetError: nothing answers there.
    """
    with _client(where) as client:
        first = get(client, f"{where.origin}{where.path or '/'}")
        metrics = _metrics(client, where)
        return Probed(
            place=where,
            status=first.status,
            exposition=metrics[0].url if metrics else None,
            found=metrics[1] if metrics else None,
            guess=guess(metrics[1].infos, metrics[1].series) if metrics else None,
            document=_document(client, where) if document else None,
            listener=_listener(where),
        )


def fetch(url: str, option: str) -> Answer:
    """One document.

    Raises:
        UsageError: the URL is none.
        TargetError: nothing answers there, or not with 200.
    """
    where = place(url, option)
    with _client(where) as client:
        answer = get(client, url)
    if answer.status != 200:
        raise TargetError(f"answered {answer.status}", where=scrub(url))
    return answer


def _client(where: Place) -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT_S, trust_env=not where.local)


def get(client: httpx.Client, url: str, accept: str = "*/*") -> Answer:
    """One answer, redirects on the same host followed.

    Raises:
        TargetError: nothing answers there, or far too much.
    """
    for _ in range(_HOPS):
        answer = _once(client, url, accept)
        target = urljoin(url, answer.headers.get("location", ""))
        if not answer.is_redirect or httpx.URL(target).netloc != httpx.URL(url).netloc:
            break
        url = target
    kind = answer.headers.get("content-type", "")
    return Answer(url, answer.status_code, answer.text, kind)


def _once(client: httpx.Client, url: str, accept: str) -> httpx.Response:
    try:
        with client.stream("GET", url, headers={"Accept": accept}) as answer:
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise TargetError(f"answered more than {MOST_BYTES:,} bytes", where=scrub(url))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TargetError(
            unreachable(error, url).what,
            where=scrub(url),
            remedy="Start the service, or correct the address.",
        ) from None
    headers = [(k, v) for k, v in answer.headers.items() if k != "content-encoding"]
    return httpx.Response(
        answer.status_code, headers=headers, content=bytes(body), request=answer.request
    )


def _metrics(client: httpx.Client, where: Place) -> tuple[Answer, Exposition] | None:
    for path in METRICS:
        with contextlib.suppress(CollectError, TargetError):
            answer = get(client, f"{where.origin}{path}", ACCEPT)
            if answer.status == 200:
                return answer, read_exposition(answer.text, answer.kind, answer.url)
    return None


def _document(client: httpx.Client, where: Place) -> Answer | None:
    for base in dict.fromkeys((where.path, "")):
        for path in DOCUMENTS:
            with contextlib.suppress(TargetError):
                answer = get(client, f"{where.origin}{base}{path}")
                if answer.status == 200 and "openapi" in answer.text[:100_000]:
                    return answer
    return None


def _listener(where: Place) -> Listener | None:
    if not where.local:
        return None
    with contextlib.suppress(UsageError, psutil.Error):
        found = find(Process(name=f"port {where.port}", port=where.port), "URL")
        process = psutil.Process(found.pid)
        words = process.cmdline()
        program = Path(words[0]).name if words else process.name()
        python = program.startswith("python") or Path(process.exe()).name.startswith("python")
        shown = [Path(words[0]).name, *words[1:]] if words else [process.name()]
        command = scrub(" ".join(shown), 200)
        return Listener(_called(words, process.name()), command, found.pid, python)
    return None


def _called(words: Sequence[str], program: str) -> str:
    """What people call a process: its script or module, if it is one of an interpreter."""
    for before, word in pairwise(words):
        if before == "-m":
            return word
        if word.endswith((".py", ".js", ".rb", ".jar")):
            return Path(word).stem
    return program
