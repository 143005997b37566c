"""``manifest.json``: what a bundle is about, beside its tables.

Nanoseconds are strings in the file, because JSON readers turn large numbers into floats.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from loadkit.bundle.schema import FORMAT, VERSION
from loadkit.errors import BundleError

NAME = "manifest.json"
_NANOSECONDS = ("t0_mono_ns", "t0_wall_ns", "end_mono_ns")


@dataclass(slots=True)
class Manifest:
    """See docs/bundle.md for every field.

    ``state`` is running, complete, interrupted, aborted or failed; a bundle whose state is still
    running when no loadkit writes it was cut short.
    """

    name: str
    run_id: str
    created: str
    loadkit_version: str
    state: str = "running"
    supervisor_pid: int | None = None
    argv: list[str] = field(default_factory=list)
    file: str | None = None
    target: str | None = None
    scenario: dict[str, Any] | None = None
    stages: list[dict[str, Any]] = field(default_factory=list)
    t0_mono_ns: int | None = None
    t0_wall_ns: int | None = None
    end_mono_ns: int | None = None
    drain_s: float = 30.0
    stack: dict[str, Any] = field(default_factory=dict)
    expect: list[str] = field(default_factory=list)
    forbid: list[str] = field(default_factory=list)
    slos: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    fail_on: str | None = None
    host: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    generator: dict[str, Any] = field(default_factory=dict)
    workers: list[dict[str, Any]] = field(default_factory=list)
    signals: dict[str, Any] = field(default_factory=dict)
    observing: dict[str, Any] | None = None
    load_end: dict[str, Any] | None = None
    abort: dict[str, Any] | None = None
    max_rate: float | None = None
    collectors: dict[str, str] = field(default_factory=dict)
    lost_rows: dict[str, int] = field(default_factory=dict)
    cut_tables: list[str] = field(default_factory=list)
    exit_status: int | None = None

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        values = {"format": FORMAT, "version": VERSION} | asdict(self)
        for name in _NANOSECONDS:
            values[name] = None if values[name] is None else str(values[name])
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"

    def save(self, directory: Path) -> None:
        """Replaces the file at once; a crash leaves the old one or the new one.

        Raises:
            OSError: the disk is full or gone.
        """
        temporary = directory / (NAME + ".new")
        try:
            temporary.write_text(self.to_json(), encoding="utf-8")
            temporary.replace(directory / NAME)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def load_manifest(directory: Path) -> Manifest:
    """Reads and checks the manifest of a bundle.

    Raises:
        BundleError: there is none, it is broken, foreign, or of a newer version.
    """
    path = directory / NAME
    if not directory.is_dir():
        raise BundleError(
            "there is no such bundle", where=str(directory), remedy="Bundles lie in reports/."
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"no bundle: {NAME} is missing",
            where=str(directory),
            remedy="Give the folder that `loadkit run` printed.",
        ) from None
    except (OSError, ValueError) as error:
        raise BundleError(f"cannot be read: {error}", where=str(path)) from None
    return _checked(values, path)


def _checked(values: Any, path: Path) -> Manifest:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise BundleError(f"not a {FORMAT}", where=str(path))
    version = values.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise BundleError(
            f"bundle of version {version}, this loadkit reads up to {VERSION}",
            where=str(path),
            remedy="Upgrade loadkit: pip install -U loadkit-tools.",
        )
    known = {item.name for item in fields(Manifest)}
    try:
        for name in _NANOSECONDS:
            if values.get(name) is not None:
                values[name] = int(values[name])
        return Manifest(**{key: value for key, value in values.items() if key in known})
    except (TypeError, ValueError) as error:
        raise BundleError(f"fields are missing or wrong: {error}", where=str(path)) from None
