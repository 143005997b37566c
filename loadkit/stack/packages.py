"""Distribution packages unpacked into the user's cache: no root, nothing of the system touched.

apt itself downloads and verifies them, with the system's sources and keys but with lists, state
and archives of its own in a temporary folder. What is kept lies in
``<cache>/servers/<suite>-<machine>/<package>/``, with a note ``loadkit.json`` beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from loadkit.errors import StackError
from loadkit.stack.cache import cache_directory, locked

NOTE = "loadkit.json"
_UNNEEDED = ("etc", "lib", "var", "usr/lib", "usr/share/man", "usr/share/lintian")
_APT_TIMEOUT_S = 900

# Debian's Alertmanager does not carry its message templates inside; it opens them under this
# path and refuses to start where they are missing. The copy in the cache looks below the folder
# it is started in instead, by a path of the same length.
_TEMPLATES = b"/usr/share/prometheus/alertmanager"
_TEMPLATES_HERE = b"usr//share/prometheus/alertmanager"

Progress = Callable[[str], None]


def available() -> bool:
    """Whether this is Debian, Ubuntu or one of their kind with the tools to fetch packages."""
    tools = all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb"))
    return tools and bool({"debian", "ubuntu"} & set(_release_ids()))


def unpacked(package: str) -> Path | None:
    """Where the package lies in the cache, or None. Reads one small file."""
    try:
        directory = _home() / package
        known = (directory / NOTE).is_file()
    except StackError:  # no cache folder at all: then nothing is in it
        return None
    return directory if known else None


def install(packages: Sequence[str], progress: Progress) -> None:
    """Downloads and unpacks those that are not there yet. A second caller waits for the first.

    Args:
        packages: names of distribution packages.
        progress: is told each step in a few words.

    Raises:
        StackError: no network, an unknown package, a full disk; with apt's own last words.
    """
    home = _home()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(home / ".lock", lambda: progress("waiting for another loadkit's download")):
        for stale in home.glob(".new-*"):
            shutil.rmtree(stale, ignore_errors=True)
        missing = [package for package in packages if unpacked(package) is None]
        if not missing:
            return
        with tempfile.TemporaryDirectory(prefix=".new-", dir=home) as name:
            work = Path(name)
            try:
                for archive in _download(missing, work, progress):
                    _keep(archive, work, home, progress)
            except OSError as error:
                raise StackError(
                    f"the servers could not be unpacked: {error.strerror or error}",
                    where=str(home),
                    remedy="Make room there, or set XDG_CACHE_HOME to another folder.",
                ) from error


def _home() -> Path:
    return cache_directory() / "servers" / f"{_suite()}-{platform.machine()}"


def _release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _release_ids() -> list[str]:
    release = _release()
    return [release.get("ID", ""), *release.get("ID_LIKE", "").split()]


def _suite() -> str:
    release = _release()
    name = release.get("VERSION_CODENAME") or release.get("VERSION_ID") or release.get("ID")
    return re.sub(r"[^\w.-]", "_", name or "unknown")


def _download(packages: Sequence[str], work: Path, progress: Progress) -> list[Path]:
    for folder in ("lists/partial", "state", "cache/archives/partial", "debs"):
        (work / folder).mkdir(parents=True)
    (work / "status").touch()
    config = work / "apt.conf"
    config.write_text(_apt_config(work), encoding="utf-8")
    progress("reading the distribution's package lists")
    # A broken source of somebody else must not matter: whether the packages come is what counts.
    update = _apt(config, work, "update", packages=())
    progress(f"downloading {', '.join(packages)}")
    download = _apt(config, work / "debs", "download", packages=packages)
    archives = sorted((work / "debs").glob("*.deb"))
    if download.returncode != 0 or len(archives) != len(packages):
        failed = update if update.returncode else download
        raise StackError(
            f"the packages {', '.join(packages)} could not be downloaded:\n{_last_words(failed)}",
            remedy=(
                "Check the network and the package sources, or install them: "
                f"apt-get install {' '.join(packages)}"
            ),
        )
    return archives


def _apt_config(work: Path) -> str:
    """Read after the system's own configuration, whose hooks belong to the system's folders."""
    folder = str(work).replace('"', "")
    lines = [
        "#clear APT::Update::Pre-Invoke;",
        "#clear APT::Update::Post-Invoke;",
        "#clear APT::Update::Post-Invoke-Success;",
        f'Dir::State "{folder}/state";',
        f'Dir::State::lists "{folder}/lists";',
        f'Dir::State::status "{folder}/status";',
        f'Dir::Cache "{folder}/cache";',
        f'Dir::Cache::archives "{folder}/cache/archives";',
        'Acquire::Languages "none";',
        'Acquire::Retries "3";',
        'Acquire::AllowInsecureRepositories "false";',
        'APT::Get::AllowUnauthenticated "false";',
    ]
    for target in ("DEP-11", "DEP-11-icons-small", "DEP-11-icons", "CNF", "Contents-deb"):
        lines.append(f'Acquire::IndexTargets::deb::{target}::DefaultEnabled "false";')
    if os.geteuid() == 0:
        # apt as root drops to a user who may not write into a folder of ours.
        lines.append('APT::Sandbox::User "root";')
    return "\n".join(lines) + "\n"


def _apt(
    config: Path, folder: Path, action: str, *, packages: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    command = ["apt-get", "-c", str(config), "-q", action, *packages]
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_APT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(
            f"apt-get {action} did not end within {_APT_TIMEOUT_S} s",
            remedy="Check the network and the package sources, then try again.",
        ) from error


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    told = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:", "Err:"))]
    lines = told or done.stdout.splitlines()
    without_passwords = [re.sub(r"//[^/@\s]+@", "//", line) for line in lines]
    return "\n".join(without_passwords[-4:])


def _keep(archive: Path, work: Path, home: Path, progress: Progress) -> None:
    package, version = _identity(archive)
    progress(f"unpacking {package} {version}")
    unpack = work / "unpacked" / package
    unpack.parent.mkdir(exist_ok=True)
    _dpkg_deb("-x", str(archive), str(unpack))
    archive.unlink()
    for folder in _UNNEEDED:
        shutil.rmtree(unpack / folder, ignore_errors=True)
    changed = _make_relocatable(unpack)
    note = {"package": package, "version": version, "changed_by_loadkit": changed}
    (unpack / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    final = home / package
    if final.exists():  # a folder without a note: cut off halfway through a removal
        shutil.rmtree(final)
    unpack.rename(final)


def _identity(archive: Path) -> tuple[str, str]:
    said = _dpkg_deb("-W", "--showformat=${Package}\t${Version}", str(archive))
    package, version = said.split("\t")
    return package, version


def _dpkg_deb(*arguments: str) -> str:
    done = subprocess.run(["dpkg-deb", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(
            f"dpkg-deb failed: {done.stderr.strip()}",
            remedy="Make room in the cache folder, or set XDG_CACHE_HOME to another one.",
        )
    return done.stdout


def _make_relocatable(directory: Path) -> list[str]:
    """Lets programs with a built-in path to templates find them here; returns what was changed."""
    if not (directory / "usr/share/prometheus/alertmanager/default.tmpl").is_file():
        return []
    changed = []
    for program in sorted((directory / "usr/bin").iterdir()):
        content = program.read_bytes()
        if _TEMPLATES not in content:
            continue
        with contextlib.suppress(OSError):
            program.chmod(0o755)
        program.write_bytes(content.replace(_TEMPLATES, _TEMPLATES_HERE))
        changed.append(f"{program.name}: template path made relative to this folder")
    return changed
