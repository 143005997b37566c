"""Each source that the settings name, contacted once: what it is, or what is wrong with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loadkit.collect import probe, processes
from loadkit.collect.access import Access, access_of
from loadkit.collect.processes import Found
from loadkit.config import Config, Tls
from loadkit.errors import AnswerError, CollectError, LoadkitError, UsageError
from loadkit.run.rule_files import NamedRules, read_rules
from loadkit.run.targets import check_reachable
from loadkit.scrub import scrub

_PROBES: Mapping[str, Callable[[str, Access], Awaitable[str]]] = {
    "prometheus": probe.prometheus,
    "alertmanager": probe.alertmanager,
    "metrics": probe.exposition,
}
SERVERS = tuple(_PROBES)


@dataclass(frozen=True, slots=True)
class Seen:
    """One source. ``error`` is None where all is well, and then ``what`` says what is there.

    ``gone`` says that nobody answers, which may be different when a run begins.
    """

    source: str
    what: str
    origin: str
    error: LoadkitError | None = None
    gone: bool = False


async def inspected(config: Config) -> AsyncIterator[Seen]:
    """All sources in the order of the file; never raises for one of them."""
    if config.service.url is not None:
        yield await _service(config, config.service.url)
    for section in SERVERS:
        for seen in await servers(config, section):
            yield seen
    if config.rules.files:
        yield _attempt("rules", config.origin("rules.files"), lambda: str(rules(config)))
    for number in range(len(config.processes)):
        yield _process(config, number)
    for number in range(len(config.logs)):
        yield _log(config, number)


async def servers(config: Config, section: str) -> list[Seen]:
    """What a section's servers are; empty where it names none."""
    settings = getattr(config, section)
    if section == "metrics":
        urls, origin = settings.urls, config.origin("metrics.urls")
    else:
        urls, origin = (settings.url,), config.origin(f"{section}.url")
    return [await _server(section, settings, url, origin) for url in urls if url]


async def _server(section: str, settings: Tls, url: str, origin: str) -> Seen:
    shown = scrub(url)
    try:
        what = await _PROBES[section](url, access_of(section, settings))
    except CollectError as error:
        return Seen(section, shown, origin, error, gone=not isinstance(error, AnswerError))
    except UsageError as error:
        return Seen(section, shown, origin, error)
    if url.startswith("https:") and not settings.verify:
        what += "; its certificate is not checked (verify = false)"
    return Seen(section, f"{shown}: {what}", origin)


def rules(config: Config) -> NamedRules:
    """The rule files of the settings; raises what read_rules does."""
    return read_rules(config.rules.files, config.origin("rules.files"))


def find_process(config: Config, number: int) -> Found:
    """The process of a ``[[process]]`` entry; raises what :func:`processes.find` does."""
    origin = _origin_of_process(config, number).removeprefix("option ")
    return processes.find(config.processes[number], origin)


def _origin_of_process(config: Config, number: int) -> str:
    entry = config.processes[number]
    way = next(way for way in ("pid", "command", "port") if getattr(entry, way) is not None)
    return config.origin(f"process.{number}.{way}")


async def _service(config: Config, url: str) -> Seen:
    origin = config.origin("service.url")
    try:
        await check_reachable(url, config.allowed_targets, "service")
    except LoadkitError as error:
        return Seen("service", url, origin, error)
    return Seen("service", f"{url} answers", origin)


def _process(config: Config, number: int) -> Seen:
    entry = config.processes[number]

    def look() -> str:
        found = find_process(config, number)
        if found.user is None:
            return found.how
        return f"{found.how}; belongs to {found.user}, so py-spy may need root"

    return _attempt(f"process {entry.name}", _origin_of_process(config, number), look)


def _log(config: Config, number: int) -> Seen:
    entry, where = config.logs[number], config.origin(f"log.{number}.file")

    def look() -> str:
        check_log(entry.file, where)
        if not entry.file.exists():
            raise UsageError(
                f"{entry.file} does not exist", where=where, remedy="A run waits for it to appear."
            )
        return f"{entry.file}, {entry.file.stat().st_size} bytes"

    return _attempt(f"log {entry.name}", where, look)


def check_log(path: Path, where: str) -> None:
    """A log that is not there may appear; one that can never be read is refused.

    Raises:
        UsageError: it is a folder, or may not be read.
    """
    try:
        with path.open("rb"):
            return
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}",
            where=where,
            remedy="Name a file that this user may read.",
        ) from None


def _attempt(source: str, origin: str, look: Callable[[], str]) -> Seen:
    try:
        return Seen(source, look(), origin)
    except LoadkitError as error:
        return Seen(source, "", origin, error)
