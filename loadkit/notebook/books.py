"""Finds the notebooks that loadkit brings along, and makes one for a bundle."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import loadkit
from loadkit.bundle.manifest import load_manifest
from loadkit.errors import LoadkitError, UsageError

WHICH = ("first-look", "peak", "memory")


def notebook_file(which: str) -> Path:
    """The notebook as it was shipped.

    Raises:
        LoadkitError: this installation has no such file.
    """
    for base in _bases():
        path = base / f"{which}.ipynb"
        if path.is_file():
            return path
    raise LoadkitError(
        f"the notebook {which} is not part of this installation",
        remedy="Run loadkit from its source folder (make setup), or install it again.",
    )


def _bases() -> tuple[Path, ...]:
    beside_the_package = Path(loadkit.__file__).resolve().parents[1] / "notebooks"
    return beside_the_package, Path(sys.prefix) / "share" / "loadkit" / "notebooks"


def made_for(bundle: Path, which: str) -> str:
    """The text of a notebook that reads this bundle, for a file inside it.

    Raises:
        BundleError: the folder is no bundle.
        LoadkitError: this installation has no such notebook.
    """
    load_manifest(bundle)
    book = json.loads(notebook_file(which).read_text(encoding="utf-8"))
    _point_to(book, ".")
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def _point_to(book: dict[str, Any], place: str) -> None:
    """Fills in the cell with the tag ``parameters``."""
    for cell in book["cells"]:
        if "parameters" in cell.get("metadata", {}).get("tags", ()):
            text = f"# This notebook lies in the bundle it reads.\nBUNDLE = {place!r}"
            cell["source"] = text.splitlines(keepends=True)
            return
    raise LoadkitError("the notebook has no cell for the bundle's place")


def save(bundle: Path, which: str, text: str) -> Path:
    """Writes it into the bundle; what somebody has worked in is never replaced.

    Raises:
        UsageError: the bundle cannot be written to.
    """
    for number in range(1, 1000):
        path = bundle / (f"{which}.ipynb" if number == 1 else f"{which}-{number}.ipynb")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(
                f"the notebook cannot be written: {error.strerror or error}", where=str(path)
            ) from None
        return path
    raise UsageError("a thousand notebooks are there already", where=str(bundle))
