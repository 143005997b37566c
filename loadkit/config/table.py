"""The table of all settings in docs/settings.md: ``python -m loadkit.config.table`` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.config.shape import LISTS, SECTIONS, keys, kind_of, variable
from loadkit.config.show import shown_default

_HEAD = "| key | type | default | environment | |\n|---|---|---|---|---|\n"


def table() -> str:
    """Markdown, a line a key."""
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in _rows())


def _rows() -> Iterator[tuple[str, ...]]:
    sections = {f"[{name}]": (name, section) for name, section in SECTIONS.items()}
    sections |= {f"[[{name}]]": ("", section) for name, (_, section) in LISTS.items()}
    for shown, (name, section) in sections.items():
        for key in keys(section):
            kind = kind_of(key)
            said = f"`{variable(name, key.name)}`" if name and kind.scalar else ""
            yield (
                f"`{shown} {key.name}`",
                kind.name.replace(" | ", ", "),
                shown_default(section, key),
                said,
                key.metadata["help"],
            )


if __name__ == "__main__":
    print(table(), end="")
