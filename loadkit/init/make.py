"""From what somebody asked for to a draft and settings: reads, looks, decides; writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from loadkit.errors import TargetError, UsageError
from loadkit.init import har, openapi, recording, simple
from loadkit.init.document import Document
from loadkit.init.draft import Draft
from loadkit.init.places import Place, place
from loadkit.init.probe import Answer, Probed, fetch, probe
from loadkit.init.servers import Server, servers, split
from loadkit.init.settings import Found

_LARGEST = 200_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; see ``loadkit init --help``. ``longest_wait_s`` is in seconds."""

    url: str | None = None
    openapi: str | None = None
    har: Path | None = None
    skip: tuple[str, ...] = ()
    host: str | None = None
    assets: bool = False
    longest_wait_s: float | None = None

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to begin with."""
        return self.url is None and self.openapi is None and self.har is None

    def with_answers(self, url: str, document: str, recorded: str) -> Wanted:
        """With what was answered to questions; empty is nothing.

        Raises:
            UsageError: all are empty.
        """
        found = replace(
            self,
            url=url or None,
            openapi=document or None,
            har=Path(recorded) if recorded else None,
        )
        if found.nothing:
            raise UsageError("nothing to begin with", remedy="Give at least a URL.")
        return found


@dataclass(frozen=True, slots=True)
class Made:
    """``document`` is where the operations are from; ``aside`` says why one that was found is not
    used; ``silent`` says why nothing was seen of the service."""

    draft: Draft
    found: Found
    probed: Probed | None = None
    document: str | None = None
    aside: str | None = None
    silent: str | None = None


def make(wanted: Wanted) -> Made:
    """
    Raises:
        UsageError: options contradict each other, or what was given cannot be used.
        TargetError: the service does not answer and nothing else was given.
    """
    _check(wanted)
    if wanted.har is not None:
        return _from_har(wanted, wanted.har)
    if wanted.openapi is not None:
        return _from_document(wanted, wanted.openapi)
    return _from_url(wanted, wanted.url or "")


def _check(wanted: Wanted) -> None:
    if wanted.har is not None and wanted.openapi is not None:
        raise UsageError("--openapi and --har exclude each other", remedy="Make two scenarios.")
    for option, given in (
        ("--host", wanted.host),
        ("--assets", wanted.assets),
        ("--max-think", wanted.longest_wait_s),
    ):
        if given and wanted.har is None:
            raise UsageError(f"{option} belongs to --har", remedy="The service is given as URL.")
    if wanted.skip and wanted.har is not None:
        raise UsageError("--skip is for operations of an OpenAPI document")


def _from_url(wanted: Wanted, url: str) -> Made:
    where = place(url)
    probed = probe(where, document=True)
    draft, document, aside = None, None, None
    if probed.document is not None:
        try:
            draft = _operations(wanted, probed.document.text, probed.document.url, where)
            document = probed.document.url
        except UsageError as error:
            if wanted.skip:
                raise
            aside = str(error).splitlines()[0]
    elif wanted.skip:
        raise UsageError("--skip: no OpenAPI document was found", where=url)
    return Made(draft or simple.draft(where), _found(where, probed, True), probed, document, aside)


def _from_document(wanted: Wanted, source: str) -> Made:
    answer = _read(source)
    typed = place(wanted.url) if wanted.url is not None else None
    draft = _operations(wanted, answer.text, answer.url, typed)
    named = typed is not None or _same_host(source, draft.host)
    return replace(_looked(draft, named), document=answer.url)


def _from_har(wanted: Wanted, file: Path) -> Made:
    typed = place(wanted.url) if wanted.url is not None else None
    entries = recording.read(_text(file), str(file))
    choice = har.Choice(wanted.host, wanted.assets, wanted.longest_wait_s)
    draft = har.draft(entries, choice, typed.origin if typed else None, str(file))
    return _looked(draft, named=typed is not None)


def _looked(draft: Draft, named: bool) -> Made:
    """With what can be seen of a service that the user did not have to start."""
    where = place(draft.host)
    if not where.local and not named:
        # An address out of a file: not even a look without being told.
        return Made(draft, _found(where, None, named), silent=f"{where.origin}, not looked at")
    try:
        probed = probe(where, document=False)
    except TargetError as error:
        return Made(draft, _found(where, None, named), silent=str(error).splitlines()[0])
    return Made(draft, _found(where, probed, named), probed)


def _found(where: Place, probed: Probed | None, named: bool) -> Found:
    listener = probed.listener if probed is not None else None
    return Found(
        url=where.origin,
        target=None if where.local else where.host,
        named=named,
        exposition=probed.exposition if probed is not None else None,
        guess=probed.guess if probed is not None else None,
        port=where.port if listener is not None else None,
        process=listener.command if listener is not None else None,
        name=listener.name if listener is not None else None,
        python=listener is not None and listener.python,
    )


# -- documents ------------------------------------------------------------------------------------


def _operations(wanted: Wanted, text: str, source: str, typed: Place | None) -> Draft:
    document = Document.read(text, source)
    read_from = source if "://" in source else None
    server = _server(document, read_from, typed)
    return openapi.draft(document, server.host, server.base, wanted.skip)


def _server(document: Document, read_from: str | None, typed: Place | None) -> Server:
    """What was typed, else a server on this machine, else the first one, else where the document
    is from."""
    given = servers(document, read_from)
    if typed is not None:
        return Server(typed.origin, typed.path or given[0].base)
    candidates = [one for one in given if one.host]
    if read_from is not None:
        candidates.append(Server(split(read_from).host, given[0].base))
    local = [one for one in candidates if place(one.host).local]
    if not candidates:
        raise UsageError(
            "the document does not say where its service is",
            where=document.where,
            remedy="Give the URL too: loadkit init http://127.0.0.1:8000 --openapi FILE.",
        )
    return (local or candidates)[0]


def _read(source: str) -> Answer:
    if source.startswith(("http://", "https://")):
        return fetch(source, "--openapi")
    return Answer(source, 200, _text(Path(source)), "")


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST:
            raise UsageError(f"larger than {_LARGEST:,} bytes", where=str(file))
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError("no such file", where=str(file)) from None
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except UnicodeDecodeError:
        raise UsageError("not a text in UTF-8", where=str(file)) from None


def _same_host(source: str, host: str) -> bool:
    return "://" in source and urlsplit(source).netloc == urlsplit(host).netloc
