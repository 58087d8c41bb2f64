"""The web socket of one viewer: frames out, snapshot requests in, no commands."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import WebSocket

from superlearner.live.deflate import Compressed
from superlearner.live.topics import LiveSource
from superlearner.live.viewer import Viewer

__all__ = ["serve_viewer"]


class ViewerRequest(msgspec.Struct):
    """A message from a viewer."""

    k: str = ""
    ask: dict[str, str] = {}


decode = msgspec.json.Decoder(ViewerRequest).decode


async def serve_viewer(socket: WebSocket, source: LiveSource, viewer: Viewer) -> None:
    """Send frames to an attached viewer until the tab or the source is gone."""
    listening = asyncio.ensure_future(_listen(socket, viewer))
    sending = asyncio.ensure_future(_send(socket, viewer))
    try:
        await asyncio.wait([listening, sending], return_when=asyncio.FIRST_COMPLETED)
    finally:
        source.detach(viewer)
        for task in (listening, sending):
            task.cancel()
        # Wait for both before anything is raised: an error in one must not leave the other behind.
        await asyncio.gather(listening, sending, return_exceptions=True)


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    while (frame := await viewer.next()) is not None:
        await (socket.send_bytes(frame) if isinstance(frame, Compressed) else socket.send_text(frame.decode()))


async def _listen(socket: WebSocket, viewer: Viewer) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            request = decode(message.get("text") or "")
        except msgspec.MsgspecError:
            continue  # not from our page; a viewer can do no harm here
        if request.k == "sync":
            viewer.want_snapshot()
        elif request.k == "look":
            viewer.look(request.ask)
