"""An OpenAPI document as a scenario: a task for each operation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from loadkit.init import names, parameters
from loadkit.init.bodies import Bodies
from loadkit.init.document import Document, below
from loadkit.init.draft import Body, Call, Draft, Secret, Task, Text
from loadkit.init.examples import Examples
from loadkit.init.follow_up import Operation, answers, linked
from loadkit.init.parameters import Parameters
from loadkit.init.security import Credentials, Security

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "query")
_WITHOUT_BODY = ("GET", "HEAD")
_HOLE = re.compile(r"\{([^{}]+)\}")


def draft(document: Document, host: str, base: str, skip: Sequence[str] = ()) -> Draft:
    """A scenario with a task for each operation.

    Args:
        document: what the service offers.
        host: where the load goes, scheme, name and port.
        base: path that all paths come behind.
        skip: operations to be left out, by operationId or as ``GET /path``.

    Raises:
        UsageError: the document is wrong, an operation has no example, a word of ``skip`` fits
            none, or nothing is left.
    """
    return _Reading(document, base, skip).draft(host)


class _Reading:
    """One reading of one document."""

    def __init__(self, document: Document, base: str, skip: Sequence[str]) -> None:
        self._document = document
        self._base = base
        self._skip = dict.fromkeys(skip, False)
        self._unique = names.Unique()
        self._security = Security(document)
        self._examples = Examples(document, _password)
        self._bodies = Bodies(document, self._examples)

    def draft(self, host: str) -> Draft:
        operations = [self._operation(*found) for found in self._wanted()]
        for word, met in self._skip.items():
            if not met:
                raise self._document.error(
                    f"there is no operation {word!r}",
                    "#/paths",
                    "Give an operationId, or method and path: --skip 'DELETE /items/{id}'.",
                )
        if not operations:
            raise self._document.error("there is no operation in it", "#/paths")
        tasks = linked(operations, self._unique)
        info = self._document.root.get("info")
        title = info.get("title") if isinstance(info, Mapping) else None
        notes = (*self._security.notes, *self._bodies.notes, *self._examples.notes)
        return Draft(
            source=f"the OpenAPI document of {title}" if title else "an OpenAPI document",
            host=host,
            tasks=tuple(tasks),
            notes=tuple(dict.fromkeys(notes)),
        )

    def _wanted(self) -> Iterator[tuple[str, str, Mapping[str, Any], Mapping[str, Any], str]]:
        """(method, template, operation, path item, path in the document)."""
        paths = self._document.root.get("paths")
        if not isinstance(paths, Mapping):
            raise self._document.error("there is no operation in it", "#/paths")
        for template, given in paths.items():
            where = below("#/paths", template)
            if template.startswith("x-"):
                continue
            item = self._document.follow(given, where)
            for method in METHODS:
                if method not in item:
                    continue
                operation = self._document.follow(item[method], below(where, method))
                if not self._left_out(method, template, operation):
                    yield method.upper(), template, operation, item, below(where, method)

    def _left_out(self, method: str, template: str, operation: Mapping[str, Any]) -> bool:
        words = (operation.get("operationId"), f"{method.upper()} {template}")
        met = [word for word in self._skip if word in words]
        self._skip.update(dict.fromkeys(met, True))
        return bool(met)

    def _operation(
        self,
        method: str,
        template: str,
        operation: Mapping[str, Any],
        item: Mapping[str, Any],
        where: str,
    ) -> Operation:
        known = self._parameters(operation, item, where)
        values = {name: known.path.get(name, "1") for name in _HOLE.findall(template)}
        call = self._call(method, template, operation, known, values, where)
        name = self._unique.take(_name(str(operation.get("operationId") or ""), method, template))
        missing = [hole for hole in values if hole not in known.path]
        return Operation(
            id=name,
            method=method,
            template=template,
            task=Task(name, (call,), _comments(method, template, operation)),
            answers=answers(self._document, operation, where),
            made_up=(*known.made_up, *missing),
            prefix=self._base,
            values={hole: value for hole, value in values.items() if hole not in known.made_up},
        )

    def _parameters(
        self, operation: Mapping[str, Any], item: Mapping[str, Any], where: str
    ) -> Parameters:
        shared = (item.get("parameters") or [], where.rpartition("/")[0] + "/parameters")
        own = (operation.get("parameters") or [], below(where, "parameters"))
        return parameters.read(self._document, self._examples, [shared, own])

    def _call(
        self,
        method: str,
        template: str,
        operation: Mapping[str, Any],
        known: Parameters,
        values: Mapping[str, str],
        where: str,
    ) -> Call:
        wanted = operation.get("security", self._document.root.get("security"))
        credentials: Credentials = self._security.of(wanted, below(where, "security"))
        body: Body | None = None
        headers: dict[str, Text] = {**known.headers, **credentials.headers}
        if "requestBody" in operation and method not in _WITHOUT_BODY:
            body, kind = self._bodies.of(operation["requestBody"], below(where, "requestBody"))
            if kind is not None:
                headers["Content-Type"] = kind
        # Between the holes as it is; what may not stand in a path is encoded.
        path = self._base + _filled(template, values)
        return Call(
            method=method,
            path=path,
            name=self._base + template if values else None,
            params={**known.query, **credentials.params},
            headers=headers,
            cookies={**known.cookies, **credentials.cookies},
            auth=credentials.auth,
            body=body,
        )


def _name(identity: str, method: str, template: str) -> str:
    """The operationId as a name, without the path and method that some frameworks put behind it;
    or method and path."""
    ending = f"_{names.words(template)}_{method.lower()}"
    plain = names.words(identity)
    if plain.endswith(ending) and names.words(template):
        plain = plain.removesuffix(ending)
    return names.method_name(plain, f"{method} {template.replace('{', 'by ')}")


def _filled(template: str, values: Mapping[str, str]) -> str:
    pieces = _HOLE.split(template)
    for at, piece in enumerate(pieces):
        pieces[at] = values[piece] if at % 2 else quote(piece, safe="!$&'()*+,:;=@~/%")
    return "".join(pieces)


def _comments(method: str, template: str, operation: Mapping[str, Any]) -> tuple[str, ...]:
    summary = operation.get("summary") or operation.get("description") or ""
    summary = str(summary).strip().partition("\n")[0]
    lines = [f"{method} {template}" + (f": {summary}" if summary else "")]
    if operation.get("deprecated") is True:
        lines.append("Deprecated, says the document.")
    if method == "DELETE":
        lines.append("It removes something. To leave it out, take the line @task away.")
    return tuple(lines)


def _password(path: str) -> Secret:
    name = path.rpartition("/properties/")[2] if "/properties/" in path else "password"
    return Secret(names.variable(name.rpartition("/")[2]))
