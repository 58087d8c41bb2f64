"""One viewer's web socket: frames out, requests for a snapshot in. Commands never travel here."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import WebSocket

from superlearner.live.topics import LiveSource
from superlearner.live.viewer import Viewer

__all__ = ["serve_viewer"]


class Request(msgspec.Struct):
    """What a viewer may say."""

    k: str = ""
    ask: dict[str, str] = {}


decode = msgspec.json.Decoder(Request).decode


async def serve_viewer(socket: WebSocket, source: LiveSource, viewer: Viewer) -> None:
    """Send the frames of an attached viewer until the tab or the source is gone."""
    listening = asyncio.ensure_future(_listen(socket, viewer))
    sending = asyncio.ensure_future(_send(socket, viewer))
    try:
        await asyncio.wait([listening, sending], return_when=asyncio.FIRST_COMPLETED)
    finally:
        source.detach(viewer)
        for task in (listening, sending):
            task.cancel()
        # Both, before anything is raised: what one of them died of must not leave the other one behind.
        await asyncio.gather(listening, sending, return_exceptions=True)


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    while (frame := await viewer.next()) is not None:
        await socket.send_text(frame.decode())


async def _listen(socket: WebSocket, viewer: Viewer) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            request = decode(message.get("text") or "")
        except msgspec.MsgspecError:
            continue  # not ours; a viewer cannot do harm by what it says here
        if request.k == "sync":
            viewer.want_snapshot()
        elif request.k == "look":
            viewer.look(request.ask)
