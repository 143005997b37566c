"""What a report can be written as: a renderer and the ending of its file, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from loadkit.analyse.result import Analysis
from loadkit.report import html, json, junit, markdown, openmetrics


@dataclass(frozen=True, slots=True)
class Format:
    """``pictures``: the text refers to PNG files that ``figures`` draws, beside it."""

    suffix: str
    render: Callable[[Analysis], str]
    pictures: bool = False


FORMATS: Mapping[str, Format] = {
    "html": Format(".html", html.render),
    "json": Format(".json", json.render),
    "markdown": Format(".md", markdown.render, pictures=True),
    "junit": Format(".xml", junit.render),
    "openmetrics": Format(".om", openmetrics.render),
}
