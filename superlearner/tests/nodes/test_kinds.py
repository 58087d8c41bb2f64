"""The kind of a node decides its behaviour; no code compares names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import otp
import superlearner
from local_link import remote
from superlearner.backend.observing import Observing
from superlearner.nodes import kinds
from superlearner.nodes.remote import protocol

KINDS = (kinds.PLATFORM, kinds.LOCAL, kinds.TREE, kinds.SANDBOX, kinds.SERVICE)
SOURCES = Path(superlearner.__file__).parent


def test_each_kind_has_a_name_and_a_description_of_its_own() -> None:
    assert len(KINDS) == len({one.name for one in KINDS}) == len({one.description for one in KINDS})


def test_every_node_of_a_platform_has_its_kind(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        nodes = running.platform.nodes
        async with otp.Node("till@127.0.0.1") as till, otp.Node("shop@127.0.0.1") as shop:
            nodes.attach(till)
            async with remote(running.platform, shop):
                found = {one.name: one.kind for one in nodes}
        assert found == {
            running.node.name: kinds.PLATFORM,
            "till@127.0.0.1": kinds.LOCAL,
            "shop@127.0.0.1": kinds.SERVICE,
        }

    inside(test)


@pytest.mark.parametrize("kind", [kinds.SANDBOX, kinds.TREE, kinds.SERVICE], ids=lambda kind: kind.name)
def test_a_backend_has_the_kind_of_the_node_it_serves(kind: kinds.NodeKind) -> None:
    async def test() -> None:
        async with otp.Node("till@127.0.0.1") as till, otp.Node("hidden@127.0.0.1", hidden=True) as hidden:
            found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

            async def serve() -> None:
                observing = Observing(hidden, till, kind=kind)
                asked = protocol.Hello(protocol.PROTOCOL, "", "0", {})
                await observing.answer(asked)
                found.set_result(observing._begun().watched.kind)

            hidden.spawn(serve)
            assert kind is await found

    asyncio.run(asyncio.wait_for(test(), 30))


@pytest.mark.operation("code.reload", "simulation.hang")
def test_the_kind_of_a_node_decides_what_is_refused_there(inside: Callable[..., Any]) -> None:
    async def test(running: Any) -> None:
        async def refused(path: str, node: str, **given: Any) -> str:
            headers = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
            answer = await running.client.post(f"/api/v1{path}", params={"node": node}, json=given, headers=headers)
            return answer.json()["error"]["message"]

        async with otp.Node("till@127.0.0.1") as till:
            running.platform.nodes.attach(till, kind=kinds.SANDBOX)
            reload = "/code/modules/superlearner.demo.shop/reload"
            assert await refused(reload, till.name) == "till@127.0.0.1 is a sandbox, which reads no file of yours"
        hung = await refused("/simulations/hang", running.node.name, duration_ms=100)
        assert hung == "superlearner@127.0.0.1 is the node that answers you"

    inside(test)


def test_no_source_compares_the_name_of_a_kind() -> None:
    questions = {field.name for field in fields(kinds.NodeKind)}
    assert {"answers_requests", "has_playground", "is_audited", "reloads_files"} <= questions
    compared = re.compile(r"\.kind\.name\b|node\.name\.startswith|is_node_of_")
    found = [path.name for path in SOURCES.rglob("*.py") if compared.search(path.read_text(encoding="utf-8"))]
    assert found == []
