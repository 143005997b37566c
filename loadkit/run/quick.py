"""A scenario of one request, written from options: ``loadkit run --url URL --rate 50``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loadkit.config import Secret
from loadkit.config.secret import means_secret
from loadkit.errors import TargetError, UsageError
from loadkit.run.targets import check_allowed
from loadkit.scrub import SHORTEST, scrub

STAGE = "run"
DURATION_S = 30.0
FILE = "url.py"
_HEADER = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(?P<value>.*)")
_SOURCED = re.compile(r"(?P<before>(?:[A-Za-z]+ )?)(?P<source>(?:env|file):\S.*)")
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Quick:
    """What the options said. ``json`` and ``data`` are a text, or @ and the name of a file.

    ``headers`` are lines ``Name: value``, the value ``env:NAME`` or ``file:PATH`` for secrets,
    with a word such as Bearer before it if need be. Times in seconds, ``rate`` arrivals a second.
    """

    url: str
    rate: float | None = None
    users: int | None = None
    duration: float | None = None
    warm_up: float | None = None
    method: str | None = None
    json: str | None = None
    data: str | None = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """The scenario file; the server's root; what to call the file, which nobody wrote."""

    file: Path
    host: str
    shown: str


def write(quick: Quick, folder: Path) -> Written:
    """Writes the scenario into a folder. Secrets are not in it, only where they come from.

    Raises:
        UsageError: an option cannot be meant, or a body's file cannot be read.
        TargetError: the URL is none of http.
    """
    host, target, path = _split(quick.url)
    load = _load(quick)
    body, content_type = _body(quick)
    method = _method(quick, body)
    headers = _headers(quick.headers)
    if content_type and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = repr(content_type)
    stages = [f"Stage({STAGE!r}, load={load}, duration={quick.duration or DURATION_S!r})"]
    if quick.warm_up is not None:
        stages.insert(0, f"Stage('warm-up', load={load}, duration={quick.warm_up!r})")
    text = _TEXT.format(
        stages="".join(f"        {stage},\n" for stage in stages),
        name=_name(method, host, path),
        headers="".join(f"    {name!r}: {value},\n" for name, value in headers.items()),
        body=body,
        host=host,
        method=method,
        target=target,
        operation=path,
    )
    file = folder / FILE
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return Written(file, host, f"{method} {scrub(host + path)}")


_TEXT = '''"""Written from the options of the command line."""

import loadkit
from loadkit import HttpUser, Rate, Scenario, Stage, Users
from locust import task

scenario = Scenario(
    [
{stages}    ],
    name={name!r},
)
HEADERS = {{
{headers}}}
BODY = {body!r}


class Visitor(HttpUser):
    host = {host!r}

    @task
    def send(self):
        self.client.request({method!r}, {target!r}, name={operation!r}, headers=HEADERS, data=BODY)
'''


def _split(url: str) -> tuple[str, str, str]:
    """(root, what is asked of it with the query, the path alone)."""
    text = url if "//" in url else f"http://{url}"
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise UsageError(
            "the URL has a password in it, which everybody on this machine could read",
            where="--url",
            remedy="Give it as a header: --header 'Authorization: Basic env:NAME'.",
        )
    if any(c.isspace() or not c.isprintable() for c in text):
        raise TargetError("a URL has no white space", where=scrub(text))
    # What it may not be, said before it is asked whether it is allowed; that comes with the run.
    check_allowed(text, [parts.hostname or ""])
    path = parts.path or "/"
    return f"{parts.scheme}://{parts.netloc}", path + (f"?{parts.query}" * bool(parts.query)), path


def _load(quick: Quick) -> str:
    if quick.rate is not None and quick.users is not None:
        raise UsageError(
            "--rate and --users do not go together",
            remedy="--rate 50: that many requests a second, whatever the answers take. "
            "--users 10: that many at once, each waiting for its answer.",
        )
    if quick.rate is not None:
        return f"Rate({quick.rate!r})"
    if quick.users is not None:
        return f"Users({quick.users!r})"
    raise UsageError(
        "nothing says how much load",
        remedy="Add --rate 50 (requests a second, whether or not the service keeps up), or "
        "--users 10 (each sends again as soon as it has its answer).",
    )


def _method(quick: Quick, body: bytes | None) -> str:
    method = quick.method or ("GET" if body is None else "POST")
    if not re.fullmatch(r"[A-Za-z]+", method):
        raise UsageError(f"--method {method!r} is no method", remedy="For example --method PUT.")
    return method.upper()


def _body(quick: Quick) -> tuple[bytes | None, str | None]:
    """(the body, its type)."""
    if quick.json is not None and quick.data is not None:
        raise UsageError("--json and --data do not go together", remedy="A request has one body.")
    if quick.json is not None:
        body, where = _text(quick.json, "--json")
        try:
            json.loads(body)
        except ValueError as error:
            raise UsageError(
                _trouble(error),
                where=where,
                remedy="""Write --json '{"item": 7}' or --json @order.json.""",
            ) from None
        return body, _JSON
    if quick.data is not None:
        return _text(quick.data, "--data")[0], _FORM
    return None, None


def _trouble(error: ValueError) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return "not JSON: not in UTF-8"
    return f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}"


def _text(given: str, option: str) -> tuple[bytes, str]:
    """(the bytes, where they are from)."""
    if not given.startswith("@"):
        return given.encode(), option
    file = Path(given[1:])
    try:
        return file.read_bytes(), str(file)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}",
            where=str(file),
            remedy=f"{option} @FILE sends what a file holds.",
        ) from None


def _headers(lines: tuple[str, ...]) -> dict[str, str]:
    """Name → the value, as Python."""
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line.strip())
        if found is None:
            raise UsageError(
                "--header is no header",
                remedy="Write --header 'Accept: text/html', and for secrets "
                "--header 'Authorization: env:NAME'.",
            )
        name, value = found["name"], found["value"].strip()
        if name.lower() in {known.lower() for known in headers}:
            raise UsageError(f"--header {name} is there twice")
        headers[name] = _value(name, value)
    return headers


def _value(name: str, value: str) -> str:
    sourced = _SOURCED.fullmatch(value)
    if sourced is not None:
        kind, _, place = sourced["source"].partition(":")
        source = f"file:{Path(place).absolute()}" if kind == "file" else sourced["source"]
        _check_secret(name, sourced["source"], Secret(source).reveal())
        secret = f"loadkit.secret({source!r})"
        return f"{sourced['before']!r} + {secret}" if sourced["before"] else secret
    if means_secret(name):
        raise UsageError(
            f"--header {name}: a secret on the command line can be read by others",
            remedy=f"Write --header '{name}: env:NAME' and set the variable NAME; or file:PATH.",
        )
    if not value.isascii() or not value.isprintable():
        raise UsageError(f"--header {name}: a value is printable ASCII")
    return repr(value)


def _check_secret(name: str, source: str, value: str) -> None:
    """Said before the scenario is read, whose place would mean nothing to anybody."""
    if len(value) < SHORTEST:
        what = f"{source} has fewer than {SHORTEST} characters, so it could not be kept out of text"
        raise UsageError(f"--header {name}: {what}", remedy="Is it what it should be?")
    if not value.isascii() or not value.isprintable():
        raise UsageError(
            f"--header {name}: {source} has characters that no header can have",
            remedy="One line of printable ASCII.",
        )


def _name(method: str, host: str, path: str) -> str:
    """A folder's name for the run: ``get-items``, ``get-127.0.0.1-8000`` for a root."""
    words = path if path.strip("/") else host.partition("//")[2]
    plain = re.sub(r"[^\w.-]+", "-", scrub(words)).strip("-.")
    return f"{method.lower()}-{plain[:40].rstrip('-.')}".rstrip("-")
