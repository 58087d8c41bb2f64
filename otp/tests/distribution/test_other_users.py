"""Processes of another user of the machine, which know all formats and no secret."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from direct_sides import WAYS, A, B, Side, linked
from other_user import NOBODY, OtherUser, needs_root
from otp.distribution.carriers.stream_address import StreamAddress

pytestmark = needs_root

ATTACK = """
import socket
from otp.distribution import NodeId
from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.stream_address import parse_reachable
from otp.distribution.carriers.link_handshake import Greeting, Handshake, read_answer

def attack(what, *words):
    return {"dial": dialled, "listen": listened, "reach": reached, "shake": shaken}[what](*words)

def reached(address):
    # As `connect` of a node of this user does.
    try:
        return str(parse_reachable(address))
    except CarrierError as error:
        return str(error)

def dialled(path):
    one = socket.socket(socket.AF_UNIX)
    try:
        one.connect(path)
        return one.recv(10).hex()
    except OSError as error:
        return type(error).__name__

servers = []

def listened(path):
    servers.append(socket.socket(socket.AF_UNIX))
    servers[-1].bind(path)
    servers[-1].listen()
    return path

def shaken(port):
    # Say hello, then guess the proof, and send a frame as if it were right.
    with socket.create_connection(("127.0.0.1", port)) as one:
        hello = Greeting(bytes(8), bytes(16), NodeId("a", 1), "").hello()
        one.sendall(len(hello).to_bytes(4, "big") + hello)
        answer = one.recv(4096)[4:]
        other, _ = read_answer(answer)
        mine = Greeting(other.mark, bytes(16), NodeId("a", 1), "")
        proof = Handshake(b"a guess", mine, other, b"", sealed=True).proof("confirms")
        one.sendall(len(proof).to_bytes(4, "big") + proof + (5).to_bytes(4, "big") + b"frame")
        return one.recv(10).hex()
"""


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


def test_another_user_can_neither_enter_the_folder_nor_use_a_socket_outside_of_it(
    sockets: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with OtherUser(ATTACK) as stranger:
            a, b = await linked(sockets)
            path = b.address.removeprefix("unix/")
            assert "PermissionError" == await loop.run_in_executor(None, stranger, "dial", path)
            refused = await loop.run_in_executor(None, stranger, "reach", b.address)
            assert f"{b.address} belongs to another user; try `--listen 127.0.0.1:7447` there" in refused
            # The folder was opened to others by mistake.
            sockets.chmod(0o777)
            os.chmod(path, 0o666)
            assert "" == await loop.run_in_executor(None, stranger, "dial", path), "the connection is closed"
            planted = await loop.run_in_executor(None, stranger, "listen", str(sockets / "planted.sock"))
            os.chmod(planted, 0o666)
            assert NOBODY == os.stat(planted).st_uid
            await a.carrier.connect(f"unix/{planted}", again=True)
            assert {} == a.carrier._begun
            a.carrier.put(B, b"hello")
            assert (A, b"hello") == await b.got.get()
            for side in (a, b):
                await side.close()

    with caplog.at_level(logging.WARNING, "otp.distribution"):
        run(main)
    assert ["b#1", "a#1"] == [record.getMessage().partition(" ")[0] for record in caplog.records]
    assert 2 == caplog.text.count("expected a process of this user, got another user's")


def test_another_user_gets_no_link_at_a_port(sockets: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with OtherUser(ATTACK) as stranger:
            b = await Side(B, sockets, listen=WAYS["sealed"]).start()
            port = StreamAddress.parse(b.address).port
            assert "" == await loop.run_in_executor(None, stranger, "shake", port)
            assert b.linked.empty()
            assert b.got.empty()
            await b.close()

    run(main)


@pytest.mark.parametrize("uid", [None, NOBODY], ids=["unknown", "another"])
def test_frames_are_sealed_if_the_system_does_not_report_the_user_of_the_peer(
    uid: int | None, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otp.distribution.carriers.direct.uid_of_peer", lambda _: uid)

    async def main() -> None:
        if uid is None:
            a, b = await linked(sockets)
            assert None not in (a.link(B)._sealing, b.link(A)._sealing)
            a.carrier.put(B, b"hello")
            assert (A, b"hello") == await b.got.get()
        else:
            a, b = [await Side(node, sockets).start() for node in (A, B)]
            await a.carrier.connect(b.address, again=True)
            assert {} == a.carrier._begun
        for side in (a, b):
            await side.close()

    run(main)
