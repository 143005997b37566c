"""Loaded by pytest (pyproject.toml), for all tests."""

from __future__ import annotations

from hypothesis import settings

# An example that takes long on a busy machine says nothing about the code.
settings.register_profile("loadkit", deadline=None)
settings.load_profile("loadkit")
