"""The live feed: the source of each topic, and the web socket of a viewer: frames out, snapshot requests in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from fastapi import WebSocket

from superlearner.live.deflate import Compressed
from superlearner.live.log_source import log_source
from superlearner.live.topics import TOPICS, LiveSource
from superlearner.live.viewer import Viewer
from superlearner.nodes.nodes import WatchedNode
from superlearner.nodes.remote import RemoteNode
from superlearner.operations.rights.users import User
from superlearner.web.platform import Platform

__all__ = ["OF_PLATFORM", "serve_viewer", "source_of"]


def log(platform: Platform, user: User) -> LiveSource:
    """Return the lines of the log, which belongs to the platform and so to all nodes."""
    return log_source(platform.log, platform.nodes, platform.settings.viewer_queue, user)


def nodes(platform: Platform, user: User) -> LiveSource:
    """Return the list of nodes, whatever node is shown."""
    return platform.node_list.of(user)


OF_PLATFORM: Final[Mapping[str, Callable[[Platform, User], LiveSource]]] = {"log": log, "platform": nodes}
"""Topics that do not depend on the shown node."""


async def source_of(
    platform: Platform, topic: str, found: WatchedNode | RemoteNode, asked: Mapping[str, str], user: User
) -> LiveSource:
    """Return a topic's source for a local or remote node."""
    if topic in OF_PLATFORM:
        return OF_PLATFORM[topic](platform, user)
    if isinstance(found, WatchedNode):
        return await TOPICS[topic](platform, found, asked)
    return platform.relays.of(found, topic, asked)


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
