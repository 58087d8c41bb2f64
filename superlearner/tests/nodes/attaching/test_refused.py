"""Attachments that are refused, each with its reason."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attached_service import ATTACHED, NODE, attach
from observed_service import service

pytestmark = [pytest.mark.program, pytest.mark.usefixtures("own_sockets")]

Run = Callable[..., Any]


def test_a_wrong_token_a_closed_port_and_a_taken_name_are_refused(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async def code(*args: Any, **more: Any) -> Any:
            answer = await attach(platform, *args, **more)
            return answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["message"]

        async with service(tmp_path) as shop:
            status, name, words = await code(shop.address, token="another token altogether")
            assert (422, "validation_error") == (status, name)
            assert "another token" in words
            assert (409, "name_taken") == (await code(name=platform.node.name))[:2]
            with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as other:
                closed.bind(("127.0.0.1", 0))  # and does not listen
                one, two = (f"127.0.0.1:{end.getsockname()[1]}" for end in (closed, other))
                for address, expected in (
                    ("absent", "no service of this user is called absent: there are shop"),
                    ("shpo@127.0.0.1", f"no service of this user is called shpo@127.0.0.1 (did you mean {NODE}?)"),
                    (one, f"nothing listens at {one} (Connection refused)"),
                    ("/no.sock", "nothing listens at /no.sock (No such file or directory)"),
                    (two, f"expected the token of {two}, which is no service of this user"),
                ):
                    status, name, words = await code(address)
                    assert (503, "node_unavailable") == (status, name)
                    assert words.startswith(expected)
            assert (422, "validation_error") == (await code("nowhere", token="x" * 20))[:2]
            assert (await attach(platform)).status_code == 200
            taken = (await attach(platform)).json()["error"]
            assert ("name_taken", f"{NODE} is attached already; nothing was changed") == (
                taken["code"],
                taken["message"],
            )
            hint = f"--node {NODE} selects its node; `superlearner node detach {NODE}` detaches it"
            assert [hint] == [one["hint"] for one in taken["details"]]
            assert (await attach(platform, name="again")).status_code == 200  # a service with two names
        refused = await platform.client.post(ATTACHED, json={"address": NODE})
        assert (403, "missing_scope") == (refused.status_code, refused.json()["error"]["code"])

    inside(test)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1:99999", "expected a port of at most 65535, got 99999 in '127.0.0.1:99999'"),
        ("[::1]:123456789", "expected a port of at most 65535, got 123456789 in '[::1]:123456789'"),
        (f"/{'x' * 150}", "expected a path of at most 100 bytes"),
    ],
    ids=["port", "ipv6", "path"],
)
def test_an_address_that_no_service_can_have_is_refused(inside: Run, address: str, why: str) -> None:
    """Regression: it was searched for as the name of a service."""

    async def test(platform: Any) -> None:
        for more in ({}, {"token": "x" * 20}):
            answer = await attach(platform, address, **more)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["details"][0]["field"]) == (
                422, "validation_error", "address",
            )  # fmt: skip
            assert error["message"].startswith(f"address: {why}")

    inside(test)
