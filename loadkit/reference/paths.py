"""From a request's path to the label it is counted under: the route's template, or `unmatched`."""

from collections.abc import Iterable
from re import Pattern

UNMATCHED = "unmatched"
OTHER = "OTHER"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method_label(method: str) -> str:
    """The method, or OTHER: clients can make methods up."""
    return method if method in METHODS else OTHER


class Labels:
    """Knows the routes; a path with an id in it and a made-up one never become labels."""

    def __init__(self, routes: Iterable[tuple[str, Pattern[str]]]) -> None:
        """Each route is a template such as `/costs/{id}`, and the pattern it matches."""
        self._fixed: set[str] = set()
        self._patterns: list[tuple[Pattern[str], str]] = []
        for template, pattern in routes:
            if "{" in template:
                self._patterns.append((pattern, template))
            else:
                self._fixed.add(template)

    def of(self, path: str) -> str:
        """The label."""
        if path in self._fixed:
            return path
        for pattern, template in self._patterns:
            if pattern.match(path):
                return template
        return UNMATCHED
