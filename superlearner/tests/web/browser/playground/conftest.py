"""A platform for the tests of the Playground."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from superlearner.sandbox import SandboxManager
from superlearner.sandbox.happenings import Destroy


@pytest.fixture
def at_work(two_nodes: Any) -> Iterator[Any]:
    """A platform that has no sandbox when the test is over."""
    yield two_nodes

    async def clear() -> None:
        node = two_nodes.platform.node
        for one in two_nodes.platform.sandboxes.all():
            await SandboxManager.ask(Destroy(None, one.id, force=True), node=node)

    two_nodes.do(clear)
