"""Sandboxes do not take part in a cluster, wherever they run: they neither look for members nor become one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from superlearner.cluster.control import records

pytestmark = [pytest.mark.program, pytest.mark.skipif(sys.platform != "linux", reason="walls are there on Linux only")]

SCOUT = """
import os
import socket
import struct

from otp import Children, GenServer, Ok, Reply, Supervisor, impl


def tried(name, function):
    try:
        return f"{name}: {function()!r}"
    except BaseException as error:
        return f"{name}: {type(error).__name__}"


def scouts():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scout:
        scout.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        return scout.sendto(b"is somebody there?", ("239.1.2.3", 17000))


def listens():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("", 17000))
        ear.setsockopt(
            socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4s4s", socket.inet_aton("239.1.2.3"), bytes(4))
        )
        return "joined"


def connects():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.connect(%(path)r)
        return link.getpeername()


def reads_the_cookie():
    with open(%(cookie)r) as file:
        return file.read()


async def joins(node):
    from otp.cluster import Cluster
    try:
        return str(await Cluster.join(node, cookie=%(word)r, connect=["unix/" + %(path)r], timeout=2))
    except BaseException as error:
        return type(error).__name__


class Scout(GenServer):
    @impl
    async def init(self, arg):
        import otp
        for name, function in (("udp", scouts), ("multicast", listens), ("unix", connects), ("file", reads_the_cookie)):
            print(tried(name, function), flush=True)
        print("join:", await joins(otp.node()), flush=True)
        return Ok(arg)


class Main(Supervisor):
    @impl
    def init(self, arg):
        return Children([(Scout, None)])
"""


@pytest.mark.parametrize("place", [None, "m2"], ids=["platform", "member"])
def test_a_sandbox_finds_no_member_and_is_none(
    start: Callable[..., Any], member: Callable[..., Any], superlearner: Callable[..., Any], place: str | None
) -> None:
    program = start()
    if place is not None:
        member(place, "--empty")
    size = 1 if place is None else 2
    before = json.loads(superlearner("cluster", "status", "--json", "--wait", str(size)).stdout)
    path = before["members"][-1]["address"].removeprefix("unix/")
    assert Path(path).is_socket()
    cookie = program.data_dir / "cookie"
    source = SCOUT % {"path": path, "cookie": str(cookie), "word": cookie.read_text().strip()}
    with httpx.Client(base_url=program.url, timeout=60, headers=program.owner) as asks:
        made = asks.post("/api/v1/sandboxes", json={"sandbox_id": "scout", "source": source, "node": place})
        assert made.status_code == 200, made.text
        output = asks.get("/api/v1/sandboxes/scout/output").json()["data"]["text"]
        assert ["udp", "multicast", "unix", "file", "join"] == [line.partition(":")[0] for line in output.splitlines()]
        assert not [line for line in output.splitlines() if not line.endswith(("Error", "Refused", "Unreachable"))], (
            output
        )
    after = json.loads(superlearner("cluster", "status", "--json").stdout)
    members = [[(one["name"], one["incarnation"]) for one in found["members"]] for found in (before, after)]
    assert (size, members[0]) == (after["size"], members[1])
    assert size == len(records(program.data_dir))
