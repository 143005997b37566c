"""What an answer that was not hoped for means, in words: foreign errors are mapped here only."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from urllib.parse import urlsplit

from loadkit.collect.headers import ALERTMANAGER, PROMETHEUS
from loadkit.errors import AnswerError, CollectError
from loadkit.scrub import scrub

_REFUSED = frozenset({401, 403, 407})
_PASSING = frozenset({408, 425, 429})  # come back later
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.I | re.S)
_ROOT = "Give the server's root, with the path prefix it may have, such as http://HOST/prometheus."
_CERTIFICATE = 'Name one in loadkit.toml, cert_file = "client.pem" and key_file = "client.key"'
_GRAFANA = (
    "That is Grafana. Give Prometheus' own address, or Grafana's way to it: "
    "http://HOST/api/datasources/proxy/uid/UID."
)


def refusal(status: int, body: str, where: str, location: str = "") -> CollectError:
    """What an answer other than 200 means.

    Args:
        status: the HTTP status.
        body: the text of the answer.
        where: the URL that was asked.
        location: where a redirect leads.
    """
    where = scrub(where)
    if status in _REFUSED:
        return AnswerError(
            f"answered {status}: not allowed",
            where=where,
            remedy=f"Give credentials in {PROMETHEUS} or {ALERTMANAGER}, a header a line, or in "
            'loadkit.toml: headers = { Authorization = "env:NAME" }.',
        )
    if 300 <= status < 400:
        return _redirected(status, where, location)
    if status == 404:
        return AnswerError("answered 404: nothing there", where=where, remedy=_ROOT)
    if status in (400, 495, 496) and "SSL certificate" in body:  # nginx, in words of its own
        return _wants_certificate(where)
    if _is_page(body):
        error = page(body, where, status)
    elif status == 400 and "HTTPS server" in body:
        error = AnswerError(
            "answered 400: it speaks TLS", where=where, remedy="Write https:// instead of http://."
        )
    else:
        said = " ".join(scrub(body, 200).split())
        what = f"answered {status}: {said}" if said else f"answered {status}"
        error = AnswerError(what, where=where)
    if status >= 500 or status in _PASSING:  # something is there that may come to its senses
        return CollectError(error.what, where=error.where, remedy="Is it starting, or overloaded?")
    return error


def _redirected(status: int, where: str, location: str) -> AnswerError:
    parts = urlsplit(location)
    # Without its query: it may carry what was asked, or a token.
    to = scrub(f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.path)
    if re.search(r"(?i)login|oauth|sso|auth|signin", to):
        remedy = "That looks like a login: give credentials as headers, or an address behind it."
    else:
        remedy = "Give the address it leads to; none is followed, because headers would go along."
    what = f"answered {status}: redirects to {to}" if to else f"answered {status}: a redirect"
    return AnswerError(what, where=where, remedy=remedy)


def not_json(where: str, body: str = "") -> AnswerError:
    """It answered, but something else lives there."""
    if _is_page(body):
        return page(body, where)
    return AnswerError(
        "answered something that is not its JSON API",
        where=scrub(where),
        remedy="Is it the server's root, with the path prefix it may have?",
    )


def page(body: str, where: str, status: int = 200) -> AnswerError:
    """It answered with a web page."""
    found = _TITLE.search(body[:20_000])
    title = " ".join(scrub(found[1], 80).split()) if found else ""
    named = f" “{title}”" if title else ""
    return AnswerError(
        f"answered {status} with a web page{named} instead of its JSON API",
        where=scrub(where),
        remedy=_GRAFANA if "grafana" in body[:20_000].lower() else _ROOT,
    )


def _is_page(body: str) -> bool:
    start = body[:200].lstrip().lower()
    return start.startswith(("<!doctype html", "<html", "<head", "<?xml", "<!--"))


def too_long(where: str, most_bytes: int) -> AnswerError:
    """Its answer does not end where it could be of use."""
    return AnswerError(
        f"its answer is longer than {most_bytes / 1e6:g} MB",
        where=scrub(where),
        remedy="Is it the right address?",
    )


def unreachable(error: Exception, where: str) -> CollectError:
    """Nobody answered, or not in a way that could be trusted."""
    cause = _innermost(error)
    if isinstance(cause, ssl.SSLError):
        return _tls(cause, scrub(where))
    if isinstance(cause, TimeoutError):
        text = "timed out"
    elif isinstance(cause, OSError) and cause.errno and cause.errno > 0:
        text = os.strerror(cause.errno)  # asyncio has words of its own for "Connection refused"
    else:
        text = str(cause) or type(cause).__name__
    remedy = "Is it running, and is this its address?"
    if where.startswith("https:") and not isinstance(cause, ConnectionRefusedError | TimeoutError):
        # The alert that says so may be lost when the server hangs up.
        remedy += f" If it wants a client certificate: {_CERTIFICATE[0].lower()}{_CERTIFICATE[1:]}."
    return CollectError(f"does not answer: {scrub(text, 200)}", where=scrub(where), remedy=remedy)


def _tls(error: ssl.SSLError, where: str) -> AnswerError:
    said = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or said
        if "expired" in why:
            remedy = "Its certificate has to be renewed."
        elif "doesn't match" in why or "not valid for" in why or "mismatch" in why:
            remedy = "Use a name that stands in its certificate."
        else:
            remedy = 'Name the authority that signed it in loadkit.toml: ca_file = "ca.pem".'
        return AnswerError(f"its certificate is not trusted: {why}", where=where, remedy=remedy)
    if "WRONG_VERSION_NUMBER" in said or "RECORD_LAYER_FAILURE" in said or "HTTP_REQUEST" in said:
        return AnswerError(
            "does not speak TLS", where=where, remedy="Write http:// instead of https://."
        )
    if re.search(r"CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA", said):
        return _wants_certificate(where)
    return AnswerError(f"TLS failed: {getattr(error, 'reason', None) or said}", where=where)


def _wants_certificate(where: str) -> AnswerError:
    return AnswerError(
        "wants a client certificate that it trusts", where=where, remedy=f"{_CERTIFICATE}."
    )


def _innermost(error: BaseException) -> BaseException:
    # The outermost text repeats the whole URL with the query in it, or says that all attempts
    # failed; the innermost one says why.
    while True:
        if isinstance(error, ssl.SSLError):
            return error
        if isinstance(error, BaseExceptionGroup):
            inner: BaseException | None = error.exceptions[0]
        else:
            inner = error.__cause__ or error.__context__ or _argument(error)
        if inner is None or isinstance(inner, asyncio.CancelledError):
            return error
        error = inner


def _argument(error: BaseException) -> BaseException | None:
    # requests and urllib3 hand the cause on as an argument, or as `reason` of one.
    for inner in (getattr(error, "reason", None), *error.args):
        if isinstance(inner, BaseException) and inner is not error:
            return inner
    return None
