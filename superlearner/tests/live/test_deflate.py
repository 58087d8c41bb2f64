"""Compressed frames give every viewer the same contents as plain ones."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from superlearner.control.steer import kill, resolve
from superlearner.live.deflate import END, Compressed, SharedDeflate
from superlearner.live.viewer import Viewer

Inside = Callable[..., Any]
LIMIT = 3


class Source:
    """A source of frames: plain for one viewer of each pair, compressed for the other."""

    def __init__(self) -> None:
        self.frames = 0
        self.whole: bytes | None = None
        self.deflate = SharedDeflate()
        self.pairs: list[tuple[Viewer, Viewer, Any]] = []

    def snapshot(self) -> bytes:
        if self.whole is None:
            self.whole = b'{"k":"s","seq":%d,"nodes":["counter_1","counter_2"]}' % self.frames
        return self.whole

    def join(self) -> None:
        plain, short = Viewer(self, LIMIT, self.deflate), Viewer(self, LIMIT, self.deflate)
        short.compress()
        self.pairs.append((plain, short, zlib.decompressobj(-zlib.MAX_WBITS)))

    def delta(self, text: str) -> None:
        self.frames, self.whole = self.frames + 1, None
        frame = json.dumps({"k": "d", "seq": self.frames, "e": [text]}).encode()
        for plain, short, _ in self.pairs:
            plain.offer(frame)
            short.offer(frame)


def taken(viewer: Viewer) -> bytes | None:
    """Return the frame that is ready for a viewer; None if it would wait."""
    asked = viewer.next()
    try:
        asked.send(None)
    except StopIteration as found:
        return found.value
    asked.close()
    return None


steps = st.one_of(
    st.tuples(st.just("join")),
    st.tuples(st.just("leave"), st.integers(0, 3)),
    st.tuples(st.just("sync"), st.integers(0, 3)),
    st.tuples(st.just("read"), st.integers(0, 3)),
    st.tuples(st.just("delta"), st.sampled_from(["counter_1 was killed", "counter_2 was killed", "é" * 300])),
)


@given(st.lists(steps, max_size=60))
def test_each_viewer_reads_the_same_as_one_with_plain_frames(history: list[Any]) -> None:
    async def test() -> None:
        source = Source()
        source.join()
        for what, *more in history:
            pair = more[0] % len(source.pairs) if source.pairs and what in ("leave", "read", "sync") else None
            if what == "join":
                source.join()
            elif what == "delta":
                source.delta(*more)
            elif pair is not None and what == "leave":
                del source.pairs[pair]
            elif pair is not None and what == "sync":
                for viewer in source.pairs[pair][:2]:
                    viewer.want_snapshot()
            elif pair is not None:
                read(*source.pairs[pair])
        for pair in source.pairs:
            while read(*pair) is not None:
                pass

    def read(plain: Viewer, short: Viewer, reader: Any) -> bytes | None:
        expected, found = taken(plain), taken(short)
        if expected is not None:
            assert isinstance(found, Compressed)
            assert expected == reader.decompress(found + END)
        return expected

    asyncio.run(test())


def test_a_frame_is_compressed_once_for_all_viewers_and_against_those_before_it() -> None:
    source = Source()
    for _ in range(3):
        source.join()
        assert taken(source.pairs[-1][1])
    source.delta("counter_1 was killed; demo_one_for_one (one_for_one) restarted counter_1")
    first, *others = [taken(short) for _, short, _ in source.pairs]
    assert all(other is first for other in others)
    source.delta("counter_1 was killed; demo_one_for_one (one_for_one) restarted counter_1")
    assert len(taken(source.pairs[0][1]) or b"") < len(first or b"") / 3


def test_a_viewer_that_takes_no_compressed_frames_gets_plain_ones_beside_one_that_does(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        plain, short = platform.hub.attach(), platform.hub.attach()
        short.compress()
        reader = zlib.decompressobj(-zlib.MAX_WBITS)
        assert json.loads(await plain.next()) == json.loads(reader.decompress(await short.next() + END))
        await kill(resolve(platform.node, "counter_1"))
        frame = b""
        while b"counter_1 was killed" not in frame:
            frame = await plain.next()
            assert json.loads(frame) == json.loads(reader.decompress(await short.next() + END))

    inside(test, heartbeat_interval=3600)


@pytest.mark.program
def test_a_web_socket_gets_compressed_messages_if_its_client_keeps_the_window(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        url = f"ws://127.0.0.1:{platform.platform.listener.port}/live/supervisors"
        nodes = []
        agreed = "permessage-deflate; client_no_context_takeover"
        for offered, accepted in (
            (ClientPerMessageDeflateFactory(), agreed),
            (ClientPerMessageDeflateFactory(client_max_window_bits=True), agreed),
            (ClientPerMessageDeflateFactory(server_no_context_takeover=True), None),
            (ClientPerMessageDeflateFactory(server_max_window_bits=10), None),
            (None, None),
        ):
            extensions = None if offered is None else [offered]
            async with websockets.connect(url, compression=None, extensions=extensions) as socket:
                assert accepted == socket.response.headers.get("Sec-WebSocket-Extensions")
                first = json.loads(await socket.recv())
                await socket.send('{"k":"sync"}')
                async for text in socket:
                    if (again := json.loads(text))["k"] == "s":
                        break
                assert first["epoch"] == again["epoch"]
                # Processes without a supervisor come and go.
                nodes.append({row["key"] for row in again["nodes"] if not row["key"].startswith("%alone")})
        assert nodes == [nodes[0]] * 5
        assert "superlearner/playground/shop/checkout_sup/ledger" in nodes[0]

    inside(test)
