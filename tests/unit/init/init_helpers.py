"""What several tests of loadkit.init need."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from loadkit.init import openapi, scenario
from loadkit.init.document import Document
from loadkit.init.draft import Draft

ROOT = Path(__file__).parents[3]


def document(paths: dict[str, Any], version: str = "3.1.0", **more: Any) -> Document:
    """A document with these paths, read from text as any other."""
    root = {"openapi": version, "info": {"title": "Shop", "version": "1"}, "paths": paths, **more}
    return Document.read(json.dumps(root), "shop.json")


def draft_of(paths: dict[str, Any], version: str = "3.1.0", **more: Any) -> Draft:
    """The scenario of a document with these paths."""
    return openapi.draft(document(paths, version, **more), "http://127.0.0.1:8000", "")


def text_of(paths: dict[str, Any], version: str = "3.1.0", **more: Any) -> str:
    """Its text."""
    return scenario.text(draft_of(paths, version, **more), "scenarios/first.py")


def calls(text: str) -> dict[str, list[ast.Call]]:
    """Task → the calls of self.client in it."""
    tree = ast.parse(text)
    users = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    return {
        task.name: [
            node
            for node in ast.walk(task)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and ast.unparse(node.func.value) == "self.client"
        ]
        for task in users.body
        if isinstance(task, ast.FunctionDef)
    }


def arguments(call: ast.Call) -> dict[str, Any]:
    """The values of a call's arguments; a name or f-string as text."""
    found: dict[str, Any] = {"": _value(call.args[0])}
    return found | {str(word.arg): _value(word.value) for word in call.keywords}


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        if isinstance(node, ast.Dict):
            return {
                ast.literal_eval(key): _value(value)
                for key, value in zip(node.keys, node.values, strict=True)
                if key is not None
            }
        return ast.unparse(node)


def ruff(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """ruff with its defaults, whatever is configured around."""
    command = [Path(sys.executable).with_name("ruff"), arguments[0], "--isolated", "--no-cache"]
    return subprocess.run(
        [*command, *arguments[1:]], cwd=cwd, capture_output=True, text=True, check=False
    )


def refused(file: Path) -> str:
    """What ruff's formatter and linter say against a file; empty if nothing."""
    formatted = ruff("format", "--diff", file.name, cwd=file.parent)
    checked = ruff("check", "--output-format", "concise", file.name, cwd=file.parent)
    said = formatted.stdout if formatted.returncode else ""
    return said + (checked.stdout + checked.stderr if checked.returncode else "")
