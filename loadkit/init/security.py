"""Security schemes of an OpenAPI document: what is sent, from which environment variable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from loadkit.init import names
from loadkit.init.document import Document, below
from loadkit.init.draft import Joined, Secret, Text

_PATH = "#/components/securitySchemes"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request carries beside what the operation itself asks for."""

    headers: Mapping[str, Text] = field(default_factory=dict)
    params: Mapping[str, Text] = field(default_factory=dict)
    cookies: Mapping[str, Text] = field(default_factory=dict)
    auth: tuple[Text, Text] | None = None


class Security:
    """Reads the schemes of one document; ``notes`` say what has to be done by hand."""

    def __init__(self, document: Document) -> None:
        self._document = document
        components = document.root.get("components") or {}
        self._schemes = components.get("securitySchemes") or {}
        self.notes: list[str] = []

    def of(self, requirements: Any, path: str) -> Credentials:
        """Of the alternatives, nothing if that is one of them, else the first.

        Raises:
            UsageError: it names a scheme that is not there, or is no list.
        """
        if requirements is None:
            return Credentials()
        if not isinstance(requirements, list):
            raise self._document.error("`security` is a list", path)
        for alternative in requirements:
            if not isinstance(alternative, Mapping):
                raise self._document.error("`security` is a list of mappings", path)
            if not alternative:
                return Credentials()
        found = Credentials()
        for name in requirements[0] if requirements else ():
            if name not in self._schemes:
                raise self._document.error(f"there is no security scheme {name!r}", path)
            scheme = self._document.follow(self._schemes[name], below(_PATH, name))
            found = self._with(found, name, scheme)
        return found

    def _with(self, found: Credentials, name: str, scheme: Mapping[str, Any]) -> Credentials:
        kind, path = scheme.get("type"), below(_PATH, name)
        if kind == "apiKey":
            return self._key(found, name, scheme, path)
        if kind == "http":
            return self._http(found, name, str(scheme.get("scheme", "")))
        if kind in ("oauth2", "openIdConnect"):
            return self._bearer(found, name)
        if kind == "mutualTLS":
            self._note(f"{path}: give the user class its certificate: cert = (file, key)")
            return found
        raise self._document.error(f"type {kind!r} is not known", path)

    def _key(
        self, found: Credentials, name: str, scheme: Mapping[str, Any], path: str
    ) -> Credentials:
        where, sent = scheme.get("in"), scheme.get("name")
        secret = Secret(_suffixed(name, "KEY", ("TOKEN",)))
        if not isinstance(sent, str) or not sent:
            raise self._document.error("an apiKey needs a `name`", path)
        if where == "header":
            return replace(found, headers={**found.headers, sent: secret})
        if where == "query":
            return replace(found, params={**found.params, sent: secret})
        if where == "cookie":
            return replace(found, cookies={**found.cookies, sent: secret})
        raise self._document.error(f"an apiKey is in header, query or cookie, not {where!r}", path)

    def _http(self, found: Credentials, name: str, scheme: str) -> Credentials:
        if scheme.lower() == "basic":
            user = Secret(_suffixed(name, "USER"))
            return replace(found, auth=(user, Secret(_suffixed(name, "PASSWORD"))))
        if scheme.lower() == "bearer":
            return self._bearer(found, name)
        secret = Secret(_suffixed(name, "AUTHORIZATION"))
        self._note(
            f"{below(_PATH, name)}: {scheme or 'its scheme'} is not known here; "
            f"{secret.variable} is sent as the whole Authorization header"
        )
        return replace(found, headers={**found.headers, "Authorization": secret})

    @staticmethod
    def _bearer(found: Credentials, name: str) -> Credentials:
        token = Joined(("Bearer ", Secret(_suffixed(name, "TOKEN"))))
        return replace(found, headers={**found.headers, "Authorization": token})

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _suffixed(name: str, suffix: str, others: tuple[str, ...] = ()) -> str:
    """The variable of a scheme, which says what it holds."""
    plain = names.variable(name)
    fits = any(plain == word or plain.endswith(f"_{word}") for word in (suffix, *others))
    return plain if fits else names.variable(name, suffix)
