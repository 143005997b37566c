"""Headers of both directions, by name regardless of case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping

Pairs = list[tuple[str, str]]


class Headers(Mapping[str, str]):
    """Headers of an answer. A name that came more than once has its values joined by ``", "``."""

    __slots__ = ("_found", "pairs")

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        self._found: dict[str, list[str]] = {}
        for name, value in pairs:
            self._found.setdefault(name.lower(), []).append(value)

    @classmethod
    def parse(cls, head: bytes) -> Headers:
        """From the bytes of a head, status line and all, without its empty line."""
        pairs: Pairs = []
        for line in head.decode("latin-1").split("\r\n")[1:]:
            name, colon, value = line.partition(":")
            if line[:1] in " \t" and pairs:  # a folded line goes on
                pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {line.strip()}".strip())
            elif colon:
                pairs.append((name, value.strip(" \t")))
        return cls(pairs)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._found[name.lower()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._found

    def __iter__(self) -> Iterator[str]:
        seen = set()
        for name, _ in self.pairs:
            if (key := name.lower()) not in seen:
                seen.add(key)
                yield name

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"

    def get_list(self, name: str) -> list[str]:
        """Every value of a name, in the order they came."""
        return list(self._found.get(name.lower(), ()))


class DefaultHeaders(MutableMapping[str, str]):
    """Headers that go with every request of a session; ``changed`` is called after each change."""

    def __init__(self, initial: Mapping[str, str], changed: Callable[[], None]) -> None:
        self._items = {name.lower(): (name, value) for name, value in initial.items()}
        self._changed = changed

    def __setitem__(self, name: str, value: str) -> None:
        self._items[name.lower()] = (name, value)
        self._changed()

    def __delitem__(self, name: str) -> None:
        del self._items[name.lower()]
        self._changed()

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"DefaultHeaders({dict(self)!r})"
