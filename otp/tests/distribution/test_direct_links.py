"""Direct links between nodes of one machine: how two nodes connect, and which nodes are refused."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from direct_sides import WAYS, A, B, Side, linked
from otp.distribution import NodeId
from otp.distribution.carriers import direct, stream_address
from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.direct import FIRST
from otp.distribution.carriers.direct_link import DirectLink
from otp.distribution.carriers.listing import Entry
from otp.distribution.carriers.stream import FRAME_LIMIT
from otp.distribution.carriers.stream_address import StreamAddress

BOTH = pytest.mark.parametrize("way", list(WAYS))


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


@BOTH
def test_frames_go_both_ways_and_nodes_are_hinted_when_they_come_and_go(way: str, sockets: Path) -> None:
    async def main() -> None:
        a, b = await linked(sockets, way)
        assert a.address.startswith("unix/" if way == "unix" else "tcp/127.0.0.1:")
        a.carrier.put(B, b"1")
        b.carrier.put(A, b"2")
        assert ((A, b"1"), (B, b"2")) == (await b.got.get(), await a.got.get())
        assert (B, True) == await a.hints.get()
        a.carrier.put(NodeId("c", 1), b"nobody")
        a.carrier.put(B, b"x" * (FRAME_LIMIT + 1))
        b.carrier.put(A, b"the last one")
        await b.close()
        assert (B, b"the last one") == await a.got.get()
        assert (B, False) == await a.hints.get()
        await a.close()
        a.carrier.put(B, b"too late")
        await a.carrier.connect(b.address)

    run(main)


@BOTH
def test_frames_put_between_the_break_of_a_link_and_its_notice_arrive_over_the_next_link(
    way: str, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams: list[socket.socket] = []

    class Recorded(DirectLink):
        __slots__ = ()

        def __init__(self, loop: Any, connected: socket.socket, *callbacks: Any) -> None:
            streams.append(connected)
            super().__init__(loop, connected, *callbacks)

    monkeypatch.setattr(direct, "DirectLink", Recorded)

    async def main() -> None:
        a, b = await linked(sockets, way)
        for stream in streams:
            stream.shutdown(socket.SHUT_RDWR)
        frames = [b"%d" % number for number in range(10)]
        for frame in frames:
            a.carrier.put(B, frame)
        assert [(A, frame) for frame in frames] == [await b.got.get() for _ in frames]
        await a.close()
        await b.close()

    run(main)


@BOTH
def test_a_message_of_the_handshake_that_a_broken_link_refused_is_not_sent_over_the_next_link(
    way: str, sockets: Path
) -> None:
    async def main() -> None:
        a, b = [await Side(node, sockets, listen=WAYS[way]).start() for node in (A, B)]
        confirm = b.carrier._on_confirm

        def confirm_and_break(begun: Any, frame: bytes) -> None:
            b.carrier._on_confirm = confirm
            begun.link._socket.shutdown(socket.SHUT_WR)
            confirm(begun, frame)

        b.carrier._on_confirm = confirm_and_break
        await a.carrier.connect(b.address)
        assert [(A, True), (A, False)] == [await b.hints.get(), await b.hints.get()]
        b.carrier.put(A, b"1")
        await a.carrier.connect(b.address, again=True)
        assert (B, b"1") == await a.got.get()
        await a.close()
        await b.close()

    run(main)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0", "tcp/[::1]:0"])
def test_a_port_is_opened_only_where_listen_names_one(listen: str, sockets: Path) -> None:
    async def main() -> None:
        a = await Side(A, sockets, listen=listen).start()
        b = await Side(B, sockets, listen=listen.removesuffix(":0"), connect=[a.address]).start()
        assert (B, A) == (await a.linked.get(), await b.linked.get())
        assert a.link(B)._sealing is not None
        alone = await Side(NodeId("c", 1), sockets, listen=listen.removesuffix(":0")).start()
        assert ["unix"] == [str(each.address).partition("/")[0] for each in alone.carrier._listeners.values()]
        for side in (a, b, alone):
            await side.close()

    run(main)


def test_nodes_that_share_a_listing_find_each_other_and_two_that_start_at_once_have_one_link(sockets: Path) -> None:
    nodes = [NodeId(f"n{number}", 1) for number in range(8)]

    async def main() -> None:
        sides = [Side(node, sockets, listings=[sockets / "members"]) for node in nodes]
        await asyncio.gather(*(side.start() for side in sides))
        for side in sides:
            assert {*nodes} - {side.me} == {await side.linked.get() for _ in nodes[1:]}
        for one, other in permutations(sides, 2):
            one.carrier.put(other.me, b"hello")
        for side in sides:
            assert {(node, b"hello") for node in nodes if node != side.me} == {await side.got.get() for _ in nodes[1:]}
        assert not any(side.carrier._begun for side in sides)
        for side in sides:
            await side.close()
        assert [sockets / "members"] == list(sockets.iterdir())
        assert [] == list((sockets / "members").iterdir())

    run(main)


@BOTH
@pytest.mark.parametrize("first", [A, B])
def test_two_nodes_that_dial_each_other_at_once_have_one_link(way: str, first: NodeId, sockets: Path) -> None:
    async def main() -> None:
        a, b = [await Side(node, sockets, listen=WAYS[way]).start() for node in (A, B)]
        ahead, late = (a, b) if first == A else (b, a)
        await ahead.carrier.connect(late.address)
        await late.carrier.connect(ahead.address)
        assert (B, A) == (await a.linked.get(), await b.linked.get())
        for side in (a, b):
            while side.carrier._begun:
                await side.dropped.get()
        a.carrier.put(B, b"1")
        b.carrier.put(A, b"2")
        assert ((A, b"1"), (B, b"2")) == (await b.got.get(), await a.got.get())
        assert (True, True) == (a.linked.empty(), b.linked.empty())
        for side in (a, b):
            await side.close()

    run(main)


def test_a_program_that_sends_something_else_gets_no_link(sockets: Path) -> None:
    async def main() -> None:
        b = await Side(B, sockets, listen="127.0.0.1:0").start()
        address = StreamAddress.parse(b.address)
        hello = b"otp link 2 " + bytes(24)
        for said in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0", b"\0\0\x08\x01", b"\0\0\0\x23" + hello,
                     b"\0\0\0\x26" + hello + b"a/x", b"\0\0\0\x26" + hello + b"\xffa1"):  # fmt: skip
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(said)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        assert b.linked.empty()
        await b.close()

    run(main)


@BOTH
def test_a_node_that_does_not_know_the_secret_gets_no_link_in_either_direction(way: str, sockets: Path) -> None:
    async def main() -> None:
        member = await Side(A, sockets, listen=WAYS[way]).start()
        stranger = await Side(B, sockets, b"a guess", listen=WAYS[way]).start()
        for one, other in ((member, stranger), (stranger, member)):
            await one.carrier.connect(other.address, again=True)
            assert "expected the proof of a node, got another one" == await one.dropped.get()
            await other.dropped.get()
        assert (None, None) == (member.link(B), stranger.link(A))
        await member.close()
        await stranger.close()

    run(main)


@BOTH
def test_a_node_of_another_group_is_named_on_both_sides(way: str, sockets: Path) -> None:
    async def main() -> None:
        a = await Side(A, sockets, listen=WAYS[way]).start()
        b = await Side(B, sockets, b"theirs", "other", listen=WAYS[way], connect=[a.address]).start()
        assert (B, A) == (await a.strangers.get(), await b.strangers.get())
        assert (True, True) == (a.linked.empty(), b.linked.empty())
        await a.close()
        await b.close()

    run(main)


def test_more_silent_strangers_than_are_allowed_are_refused_and_members_are_linked_after_them(sockets: Path) -> None:
    async def main() -> None:
        b = await Side(B, sockets, listen="127.0.0.1:0").start()
        address = StreamAddress.parse(b.address)
        strangers = [await asyncio.open_connection(address.host, address.port) for _ in range(FIRST + 1)]
        assert await strangers[-1][0].read() == b""
        for _, writer in strangers:
            writer.close()
            await writer.wait_closed()
        a = await Side(A, sockets, connect=[b.address]).start()
        assert (A, B) == (await b.linked.get(), await a.linked.get())
        await a.close()
        await b.close()

    run(main)


def test_other_users_at_the_port_do_not_prevent_links_between_nodes_of_this_user(
    sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "FIRST_S", 1_000.0)  # they come back at once

    async def main() -> None:
        a = await Side(A, sockets, listen="127.0.0.1:0").start()
        address = StreamAddress.parse(a.address)
        strangers = [await asyncio.open_connection(address.host, address.port) for _ in range(FIRST + 1)]
        assert await strangers[-1][0].read() == b""
        b = await Side(B, sockets, connect=[f"unix/{next(sockets.glob('*.sock'))}"]).start()
        assert (A, B) == (await b.linked.get(), await a.linked.get())
        for _, writer in strangers:
            writer.close()
        await a.close()
        await b.close()

    run(main)


def test_the_next_incarnation_of_a_node_gets_a_link_of_its_own(sockets: Path) -> None:
    async def main() -> None:
        a, b = await linked(sockets)
        await b.close()
        next_b = NodeId(B.name, B.creation + 1)
        again = await Side(next_b, sockets, connect=[a.address]).start()
        assert (next_b, A) == (await a.linked.get(), await again.linked.get())
        assert a.link(B) is None
        await a.close()
        await again.close()

    run(main)


# where a node listens


def test_the_socket_and_the_entry_are_its_owners_and_leave_with_the_node(sockets: Path) -> None:
    async def main() -> None:
        a = await Side(A, sockets, listings=[sockets / "members"]).start()
        [entry] = (sockets / "members").iterdir()
        socket_ = Path(a.address.removeprefix("unix/"))
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (socket_, entry, entry.parent)]
        assert [0o600, 0o600, 0o700] == modes
        await a.close()
        assert [] == [path for path in (socket_, entry) if path.exists()]

    run(main)


def test_entries_of_killed_nodes_are_removed_and_those_that_are_no_entries_stay(sockets: Path) -> None:
    async def main() -> None:
        a = await Side(A, sockets, listings=[sockets]).start()
        [entry] = sockets.glob("*.link")
        group = entry.name.partition("-")[0]
        killed = sockets / "link-killed.sock"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(killed))
        (sockets / f"{group}-1.link").write_text(f"killed/1\nunix/{killed}\n")
        (sockets / "of another group-1.link").write_text("killed/1\ntcp/127.0.0.1:9\n")
        junk = [sockets / f"{group}-{number}.link" for number in (2, 3, 4)]
        for path, text in zip(junk, (b"", b"\xff\n\n", b"no node\nunix/x\n"), strict=True):
            path.write_bytes(text)
        b = await Side(B, sockets, listings=[sockets]).start()
        assert (A, B) == (await b.linked.get(), await a.linked.get())
        assert {*junk, *(Path(side.address.removeprefix("unix/")) for side in (a, b))} == {
            path
            for path in sockets.iterdir()
            if path not in {*sockets.glob(f"{group}-????????????????.link"), *sockets.glob("link-*.lock")}
        }
        await a.close()
        await b.close()

    run(main)


def test_with_a_weak_cookie_no_listed_port_is_dialled(sockets: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        a = await Side(A, sockets, listen="127.0.0.1:0", listings=[sockets]).start()
        [entry] = sockets.glob("*.link")
        assert a.address in entry.read_text()
        b = await Side(B, sockets, listings=[sockets], weak=True).start()
        assert b.hints.empty()
        assert not b.carrier._dialler._targets
        assert f"{entry}: {a.address}: expected a random cookie of at least 32 characters" in caplog.text
        await b.close()
        await a.close()

    run(main)


@pytest.mark.parametrize("weak", [True, False])
def test_with_a_weak_cookie_no_port_that_another_node_names_is_dialled(weak: bool, sockets: Path) -> None:
    async def main() -> None:
        a = await Side(A, sockets, listen="127.0.0.1:0").start()
        greeting = a.carrier._greeting
        a.carrier._greeting = lambda connected: greeting(connected)._replace(address=a.address)
        b = await Side(B, sockets, weak=weak).start()
        await a.carrier.connect(b.address)
        assert (B, A) == (await a.linked.get(), await b.linked.get())
        assert [a.address][weak:] == [str(address) for address in b.carrier._dialler._targets]
        await b.close()
        await a.close()

    run(main)


def test_a_folder_of_entries_that_others_can_write_to_is_refused(sockets: Path) -> None:
    async def main() -> None:
        (sockets / "members").mkdir()
        (sockets / "members").chmod(0o777)
        with pytest.raises(CarrierError, match="try `chmod 700` of it") as caught:
            await Side(A, sockets, listings=[sockets / "members"]).start()
        assert ("cannot_start", str(sockets / "members")) == caught.value.reason
        assert [] == list(sockets.glob("*.sock"))

    run(main)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"listen": "0.0.0.0"}, ("tls_required", "0.0.0.0")),
        ({"listen": "10.0.0.1:7447"}, ("tls_required", "10.0.0.1:7447")),
        ({"listen": "example.org:1"}, ("tls_required", "example.org:1")),
        ({"connect": ["10.0.0.1:7447"]}, ("tls_required", "10.0.0.1:7447")),
        ({"connect": ["tls/127.0.0.1:7447"]}, ("tls_required", "tls/127.0.0.1:7447")),
        ({"multicast": "eth0"}, ("tls_required", "eth0")),
        ({"connect": ["127.0.0.1"]}, ("bad_address", "127.0.0.1")),
        ({"listen": "127.0.0.1:99999"}, ("bad_address", "127.0.0.1:99999")),
        ({"listen": ""}, ("bad_address", "")),
        ({"listen": "unix/relative"}, ("bad_address", "unix/relative")),
        ({"connect": [f"unix//{'x' * 104}"]}, ("bad_address", f"unix//{'x' * 104}")),
    ],
)
def test_an_address_that_is_wrong_or_needs_tls_is_refused(options: Any, reason: Any, sockets: Path) -> None:
    async def main() -> None:
        with pytest.raises(CarrierError) as caught:
            await Side(A, sockets, **options).start()
        assert reason == caught.value.reason
        assert [] == list(sockets.iterdir())

    run(main)


def test_an_address_in_use_is_named_and_a_socket_that_was_left_behind_is_replaced(sockets: Path) -> None:
    async def main() -> None:
        a = await Side(A, sockets, listen="127.0.0.1:0").start()
        path = f"unix/{sockets / 'mine.sock'}"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(path.removeprefix("unix/"))
        b = await Side(B, sockets, listen=path).start()
        assert path == b.address
        for address in (a.address, b.address, a.address.removeprefix("tcp/")):
            with pytest.raises(CarrierError, match="free address") as caught:
                await Side(NodeId("c", 1), sockets, listen=address).start()
            assert ("address_in_use", address) == caught.value.reason
        await a.close()
        await b.close()

    run(main)


def test_a_node_that_cannot_open_the_port_for_its_dialling_leaves_nothing_behind(
    sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))  # no IPv6

    monkeypatch.setattr(socket, "create_server", fails)

    async def main() -> None:
        side = Side(A, sockets, listings=[sockets], connect=["[::1]:7447"])
        with pytest.raises(CarrierError) as caught:
            await side.start()
        assert ("cannot_start", "tcp/[::1]:7447") == caught.value.reason
        assert [] == list(sockets.iterdir())

    run(main)


def test_a_file_at_the_address_to_listen_on_stays(sockets: Path) -> None:
    file = sockets / "file"
    file.write_text("of the user")
    link_to_it = sockets / "link"
    link_to_it.symlink_to(file)

    async def main() -> None:
        for path in (file, link_to_it):
            with pytest.raises(CarrierError, match="free address"):
                await Side(A, sockets, listen=f"unix/{path}").start()

    run(main)
    assert file.read_text() == link_to_it.read_text() == "of the user"


def test_an_entry_that_cannot_be_opened_is_not_taken_for_one_that_was_left_behind(
    sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def main() -> None:
        a = await Side(A, sockets, listings=[sockets]).start()
        entry = Entry(A, a.address, next(sockets.glob("*.link")))
        with monkeypatch.context() as full:
            full.setattr(Path, "open", fails)
            assert not entry.is_left
        await a.close()
        assert entry.is_left

    run(main)


def test_where_there_are_no_unix_sockets_each_frame_is_sealed(sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stream_address, __import__("otp.distribution.carriers.direct", fromlist=["direct"])):
        monkeypatch.setattr(module, "unix_family", lambda: None)

    async def main() -> None:
        a, b = [await Side(node, sockets, listings=[sockets]).start() for node in (A, B)]
        assert (B, A) == (await a.linked.get(), await b.linked.get())
        assert a.address.startswith("tcp/127.0.0.1:")
        assert a.link(B)._sealing is not None
        a.carrier.put(B, b"hello")
        assert (A, b"hello") == await b.got.get()
        with pytest.raises(CarrierError, match="this system has no Unix sockets"):
            await a.carrier.connect("unix//x")
        await a.close()
        await b.close()

    run(main)


def test_a_loop_that_cannot_watch_sockets_is_refused_with_a_sentence(sockets: Path) -> None:
    async def main() -> None:
        class Loop(asyncio.SelectorEventLoop):
            def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
                raise NotImplementedError

        loop = asyncio.get_running_loop()
        loop.add_reader = Loop.add_reader.__get__(loop)
        with pytest.raises(CarrierError, match="expected an event loop that watches sockets"):
            await Side(A, sockets).start()
        assert [] == os.listdir(sockets)

    run(main)
