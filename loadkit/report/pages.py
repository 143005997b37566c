"""What the pages share: templates that escape by default, and styles and scripts as text."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def asset(name: str, package: str = "loadkit.report") -> str:
    """A style or script from the assets of a package."""
    return files(package).joinpath("assets", name).read_text(encoding="utf-8")


def environment() -> Environment:
    """Templates in which an unknown name is an error; filters are the caller's."""
    return Environment(
        loader=PackageLoader("loadkit.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
