"""One client process for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from client_harness import Client


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    found = Client()
    yield found
    found.close()
