"""Nodes that reach each other over Zenoh on this machine: real sockets, and what machines and strangers do to them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import zenoh

from otp.distribution import NodeId, Session, SessionTransport, Settings
from otp.distribution.carriers.carrier_error import CarrierError
from otp.distribution.carriers.zenoh import FRAME_LIMIT, ZenohCarrier, settings_for
from otp.distribution.carriers.zenoh_settings import FRAGMENT, WINDOW, config_for, endpoint, node_key, node_of
from otp.kernel.values.errors import BadArgument

A, B = NodeId("a", 1), NodeId("b", 1)
PATIENT = settings_for(Settings(heartbeat=10.0, dead=60.0))
HASTY = settings_for(Settings(heartbeat=0.1, dead=0.5))
PROGRAM = """
import asyncio, sys
from otp.distribution import NodeId, Session, SessionTransport
from otp.distribution.carriers.zenoh import ZenohCarrier, settings_for
from otp.distribution.settings import Settings
class Echo:
    node_up = node_down = lambda self, *_: None
    def signal(self, node, data):
        transport.send(node, data)
async def main():
    global transport
    session = Session(NodeId("b", int(sys.argv[2])), b"s", settings_for(Settings(heartbeat=0.1, dead=0.5)))
    transport = SessionTransport(ZenohCarrier(sys.argv[1]), session)
    await transport.start(Echo())
    await asyncio.Event().wait()
asyncio.run(main())
"""


class TransportLog:
    """The events of a transport, in order; `await told()` returns the next one."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    def node_up(self, node: NodeId, epoch: int) -> None:
        self.queue.put_nowait(("up", node))

    def signal(self, node: NodeId, data: bytes) -> None:
        self.queue.put_nowait(data)

    def node_down(self, node: NodeId, reason: str) -> None:
        self.queue.put_nowait(("down", node, reason))

    async def __call__(self) -> Any:
        return await self.queue.get()


class FrameLog:
    """The frames and hints of a carrier, in order; `await heard()` returns the next one."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def start(self, carrier: ZenohCarrier, me: NodeId) -> ZenohCarrier:
        await carrier.start(me, lambda *frame: self.queue.put_nowait(frame), lambda *hint: self.queue.put_nowait(hint))
        return carrier

    async def __call__(self) -> Any:
        return await self.queue.get()


@pytest.fixture
def group() -> str:
    return secrets.token_hex(8)


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


async def joined(
    carrier: ZenohCarrier, me: NodeId, settings: Settings = PATIENT
) -> tuple[SessionTransport, TransportLog]:
    told = TransportLog()
    transport = SessionTransport(carrier, Session(me, b"s", settings))
    await transport.start(told)
    return transport, told


def stranger(group: str, **more: Any) -> zenoh.Session:
    """A session of Zenoh without a carrier, which may say what it likes."""
    import json

    config = zenoh.Config()
    for key, value in {**config_for(group, "tcp/127.0.0.1:0", [], "lo", None), **more}.items():
        config.insert_json5(key, json.dumps(value))
    return zenoh.open(config)


# finding and sending


def test_two_nodes_find_each_other_and_signals_of_all_sizes_keep_their_order(group: str) -> None:
    signals = [bytes(size % 251 for size in range(count)) for count in (0, 1, 100, 65_536, 65_537, 3_000_000, 5, 0)]

    async def main() -> None:
        (a, at_a), (b, at_b) = await joined(ZenohCarrier(group), A), await joined(ZenohCarrier(group), B)
        assert (("up", B), ("up", A)) == (await at_a(), await at_b())
        assert all(a.send(B, signal) and b.send(A, signal) for signal in signals)
        assert signals == [await at_a() for _ in signals] == [await at_b() for _ in signals]
        await a.stop()
        assert ("down", B, "disconnect") == await at_a()
        # The notice of the session and that of Zenoh race.
        assert await at_b() in [("down", A, "leave"), ("down", A, "hint")]
        await b.stop()

    run(main)


def test_nodes_of_two_groups_never_meet_and_do_not_even_link(group: str) -> None:
    async def main() -> None:
        heard = [FrameLog() for _ in range(60)]
        carriers = [
            await each.start(ZenohCarrier(f"{group}{number // 2}"), NodeId(f"n{number}", 1))
            for number, each in enumerate(heard)
        ]
        for number, each in enumerate(heard):
            assert (NodeId(f"n{number ^ 1}", 1), True) == await each()
        assert all(each.queue.empty() for each in heard)
        assert {1} == {len(carrier._session.info.peers_zid()) for carrier in carriers if carrier._session}
        for carrier in carriers:
            await carrier.close()

    run(main)


def test_a_node_without_multicast_is_found_by_its_address_and_introduces_the_others(group: str) -> None:
    async def main() -> None:
        a, b, c = FrameLog(), FrameLog(), FrameLog()
        seed = await a.start(ZenohCarrier(group, multicast=None), A)
        assert seed.address.startswith("tcp/127.0.0.1:")
        two = await b.start(ZenohCarrier(group, multicast=None, connect=[seed.address]), B)
        three = await c.start(ZenohCarrier(group, multicast=None, connect=[seed.address]), NodeId("c", 1))
        assert {(A, True), (NodeId("c", 1), True)} == {await b(), await b()}
        assert {(A, True), (B, True)} == {await c(), await c()}
        await seed.close()
        three.put(B, b"without the seed")
        got = [await b(), await b()]
        assert (A, False) in got
        assert (NodeId("c", 1), b"without the seed") in got
        await two.close()
        await three.close()

    run(main)


def test_connect_reaches_a_node_that_starts_later_and_again_after_its_restart(group: str) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
        a = FrameLog()
        one = await a.start(ZenohCarrier(group, multicast=None), A)
        await one.connect(address)
        await one.connect(address)
        for creation in (1, 2):
            node = NodeId("b", creation)
            two = await FrameLog().start(ZenohCarrier(group, multicast=None, listen=address), node)
            assert f"tcp/{address}" == two.address
            assert (node, True) == await a()
            await two.close()
            assert (node, False) == await a()
        await one.close()
        await one.connect("127.0.0.1:1")  # harmless

    run(main)


@pytest.mark.parametrize("name", ["a/b", "*", "**", "$*", "?x=1", "#", "@", "x@127.0.0.1", "%2F", "ä€", "a b", "."])
def test_any_name_of_a_node_travels(group: str, name: str) -> None:
    async def main() -> None:
        node, a, b = NodeId(name, 7), FrameLog(), FrameLog()
        one, two = await a.start(ZenohCarrier(group), A), await b.start(ZenohCarrier(group), node)
        assert ((node, True), (A, True)) == (await a(), await b())
        one.put(node, b"1")
        two.put(A, b"2")
        assert ((A, b"1"), (node, b"2")) == (await b(), await a())
        await one.close()
        await two.close()

    run(main)


KEYS = ["", "a", "a/", "a/x", "a/01", "a/-1", "a/" + "1" * 20, "/1", "%61/1", "%ff/1", "a/1/2"]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_no_node_writes_is_nobodys(key: str) -> None:
    assert node_of(key) is None


# what strangers do


def test_frames_without_a_sender_or_too_large_are_dropped_with_one_warning(
    group: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        heard = FrameLog()
        carrier = await heard.start(ZenohCarrier(group), A)
        session = await asyncio.to_thread(stranger, group)
        token = session.liveliness().declare_token(f"otp/{group}/n/{node_key(B)}")
        assert (B, True) == await heard()
        key, wait = f"otp/{group}/m/{node_key(A)}", zenoh.CongestionControl.BLOCK
        for attachment in (None, b"b", b"b/x", b"\xff/1", b"b/1" * 5_000):
            session.put(key, b"frame", attachment=attachment, congestion_control=wait)
        session.put(key, b"x" * (FRAME_LIMIT + 1), attachment=b"b/1", congestion_control=wait)
        session.put(f"@/{carrier._session.zid()}/peer/config/mode", b'"client"')  # pyright: ignore[reportOptionalMemberAccess]
        session.put(key, b"good", attachment=b"b/1", congestion_control=wait)
        assert (B, b"good") == await heard()
        token.undeclare()
        assert (B, False) == await heard()
        await asyncio.to_thread(session.close)
        await carrier.close()

    with caplog.at_level(logging.WARNING, "otp.distribution"):
        run(main)
    assert 1 == len(caplog.records)
    assert "expected a frame with its sender" in caplog.text


def test_a_stranger_with_the_default_settings_of_zenoh_is_not_found(group: str) -> None:
    """Its multicast address is another one, and the carrier listens on this machine only."""
    config = config_for(group, "tcp/127.0.0.1:0", [], "lo", None)
    assert config["scouting/multicast/address"] != "224.0.0.224:7446"
    assert ["tcp/127.0.0.1:0"] == config["listen/endpoints"]
    assert (
        config["scouting/multicast/address"] != config_for("other", None, [], "lo", None)["scouting/multicast/address"]
    )


def test_a_frame_over_the_limit_is_not_sent_and_the_window_fits_into_a_batch(group: str) -> None:
    settings = settings_for(Settings())
    assert (WINDOW, FRAGMENT) == (settings.window, settings.fragment)
    assert settings.window <= 48 * 1024
    assert settings.window + settings.fragment < 60 * 1024
    assert settings_for(Settings(window=1_000, fragment=10)) == Settings(window=1_000, fragment=10)


# starting, closing


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"listen": "0.0.0.0"}, ("tls_required", "0.0.0.0")),
        ({"listen": "10.0.0.1:7447"}, ("tls_required", "10.0.0.1:7447")),
        ({"listen": "::"}, ("tls_required", "::")),
        ({"listen": "example.org:1"}, ("tls_required", "example.org:1")),
        ({"connect": ["10.0.0.1:7447"]}, ("tls_required", "10.0.0.1:7447")),
        ({"connect": ["tls/127.0.0.1:7447"]}, ("tls_required", "tls/127.0.0.1:7447")),
        ({"multicast": "eth0"}, ("tls_required", "eth0")),
        ({"connect": ["127.0.0.1"]}, ("bad_address", "127.0.0.1")),
        ({"listen": "127.0.0.1:99999"}, ("bad_address", "127.0.0.1:99999")),
        ({"listen": "127.0.0.1#x=1"}, ("bad_address", "127.0.0.1#x=1")),
        ({"listen": ""}, ("bad_address", "")),
    ],
)
def test_an_address_that_is_wrong_or_needs_tls_is_refused(group: str, options: Any, reason: Any) -> None:
    async def main() -> None:
        with pytest.raises(CarrierError) as caught:
            await FrameLog().start(ZenohCarrier(group, **options), A)
        assert reason == caught.value.reason

    run(main)


def test_an_address_in_use_is_named_and_a_group_is_a_word(group: str) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            with pytest.raises(CarrierError, match="free address") as caught:
                await FrameLog().start(ZenohCarrier(group, listen=address), A)
        assert ("address_in_use", address) == caught.value.reason

    run(main)
    with pytest.raises(BadArgument):
        ZenohCarrier("a/*")


def test_addresses_of_this_machine_need_no_tls() -> None:
    assert "tcp/[::1]:7" == endpoint("[::1]:7", None)
    assert "tcp/localhost:0" == endpoint("localhost", None, 0)


def _files() -> Counter[str]:
    files: Counter[str] = Counter()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # a thread has just closed it
            files[os.readlink(f"/proc/self/fd/{name}")] += 1
    return files


def test_close_leaves_no_file_socket_or_thread_and_late_events_are_harmless(group: str) -> None:
    async def once() -> None:
        a, b = FrameLog(), FrameLog()
        one, two = await a.start(ZenohCarrier(group), A), await b.start(ZenohCarrier(group), B)
        assert ((B, True), (A, True)) == (await a(), await b())
        await one.connect(two.address)
        for _ in range(100):
            two.put(A, b"on its way")
        await one.close()
        one.put(B, b"too late")
        await one.close()
        await two.close()

    run(once)  # Zenoh keeps a pool of threads for the whole process
    threads = set(threading.enumerate())
    files = _files()
    left = files
    for _ in range(20):
        run(once)
        left = _files() - files
        if not left:
            break  # a thread of Zenoh may close a socket a moment later; what is never closed is left in all
    assert not left
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_loop_that_is_closed_first_gets_no_events_and_no_errors(group: str) -> None:
    async def begin() -> ZenohCarrier:
        return await FrameLog().start(ZenohCarrier(group), A)

    abandoned = asyncio.run(begin())

    async def main() -> None:
        heard = FrameLog()
        carrier = await heard.start(ZenohCarrier(group), B)
        assert (A, True) == await heard()
        carrier.put(A, b"to a closed loop")
        assert abandoned._session
        await asyncio.to_thread(abandoned._session.close)
        assert (A, False) == await heard()
        await carrier.close()

    run(main)


def test_what_it_opens_is_closed_in_programs_that_it_starts(group: str) -> None:
    async def main() -> None:
        carrier = await FrameLog().start(ZenohCarrier(group), A)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in range(3, 64) "
            "if os.path.lexists(f'/proc/self/fd/{n}')])", stdout=subprocess.PIPE, close_fds=False,
        )  # fmt: skip
        said, _ = await child.communicate()
        await carrier.close()
        assert b"socket" not in said
        assert b"event" not in said

    run(main)


# death and silence


SLOW = """
import time
from unittest.mock import Mock
class Slow(ZenohCarrier):
    def _declare(self, session, inbox):
        def declare_token(key):
            time.sleep(0.3)
            return live.declare_token(key)
        live = session.liveliness()
        late = Mock(wraps=session)
        late.liveliness.return_value = Mock(wraps=live)
        late.liveliness.return_value.declare_token = declare_token
        super()._declare(late, inbox)
"""
"""A carrier whose tokens take a while."""


async def echo(group: str, creation: int = 1, program: str = PROGRAM) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", program, group, str(creation))


def test_a_process_that_is_killed_is_down_at_once_and_its_next_run_is_another_node(group: str) -> None:
    async def main() -> None:
        a, at_a = await joined(ZenohCarrier(group), A)
        for creation in (1, 2):
            node = NodeId("b", creation)
            child = await echo(group, creation)
            assert ("up", node) == await at_a()
            a.send(node, b"hello")
            assert b"hello" == await at_a()
            child.kill()
            await child.wait()
            started = asyncio.get_running_loop().time()
            assert ("down", node, "hint") == await at_a()
            assert asyncio.get_running_loop().time() - started < 1.0
        await a.stop()

    run(main)


def test_a_process_that_is_killed_while_it_joins_is_down_at_once(group: str) -> None:
    program = PROGRAM.replace("class Echo", f"{SLOW}class Echo").replace("(ZenohCarrier(", "(Slow(")

    async def main() -> None:
        a, at_a = await joined(ZenohCarrier(group), A)
        child = await echo(group, program=program)
        assert ("up", B) == await at_a()
        child.kill()
        await child.wait()
        assert ("down", B, "hint") == await at_a()
        await a.stop()

    run(main)


def test_a_process_that_stops_is_down_after_dead_holds_no_loop_and_comes_back(group: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        a, at_a = await joined(ZenohCarrier(group), A, HASTY)
        child = await echo(group)
        assert ("up", B) == await at_a()
        child.send_signal(signal.SIGSTOP)
        down = asyncio.ensure_future(at_a())
        longest = 0.0
        while not down.done():  # at full speed into the silence
            before = loop.time()
            if not a.busy(B):
                a.send(B, b"x" * 1_000)
            longest = max(longest, loop.time() - before)
            await asyncio.wait([down], timeout=0)
        assert ("down", B, "timeout") == down.result()
        assert longest < 0.2
        child.send_signal(signal.SIGCONT)
        event = await at_a()
        while event != ("up", B):
            event = await at_a()
        child.kill()
        await child.wait()
        await a.stop()

    run(main)


def test_frames_to_a_process_that_stopped_are_dropped_without_waiting(group: str) -> None:
    async def main() -> None:
        loop, carrier = asyncio.get_running_loop(), ZenohCarrier(group)
        a, at_a = await joined(carrier, A)
        child = await echo(group)
        assert ("up", B) == await at_a()
        child.send_signal(signal.SIGSTOP)
        started = loop.time()
        for _ in range(5_000):
            carrier.put(B, b"x" * 10_000)
        assert loop.time() - started < 2.0
        child.kill()
        await child.wait()
        assert ("down", B, "hint") == await at_a()
        await a.stop()

    run(main)


LEFT_OPEN = """
import asyncio
from otp.distribution import NodeId
from otp.distribution.carriers.zenoh import ZenohCarrier

async def main():
    one, other = ZenohCarrier("{group}"), ZenohCarrier("{group}")
    for number, carrier in enumerate((one, other)):
        await carrier.start(NodeId(str(number), 1), lambda *_: None, lambda *_: None)
    for _ in range(3_000):
        one.put(NodeId("1", 1), b"x" * 1_000)

asyncio.run(main())
"""


def test_a_program_that_leaves_carriers_open_ends_as_it_wants(group: str) -> None:
    ends = [subprocess.run([sys.executable, "-c", LEFT_OPEN.format(group=group)], timeout=60) for _ in range(3)]
    assert [end.returncode for end in ends] == [0, 0, 0]
