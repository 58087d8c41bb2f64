"""A platform that says what a test tells it to: the page's server half without a runtime behind it.

It serves the real templates and static files and speaks the same feed and the same envelope as the platform. A test
sends frames with :meth:`FakePlatform.snapshot` and :meth:`FakePlatform.delta` and reads in :attr:`FakePlatform.asked`
what the page wanted done.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from superlearner.web.page_templates import FILES, render_page
from superlearner.web.pages import PAGES
from superlearner.web.static_files import OwnFiles
from superlearner.web.web_server import stop_accepting

CSP = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; object-src 'none'"
TOLD = json.dumps({"k": "s", "nodes": ["test@127.0.0.1"], "left": {}, "sandboxes": 0})
HEALTH = {"processes": 24, "restarts": 3, "events_per_s": 4.0, "events_per_min": 12, "loop_lag_ms": 0.4, "viewers": 1}


def row(key: str, **changes: Any) -> dict[str, Any]:
    """A row of the feed: a running worker, or a supervisor when it has a strategy."""
    parent, _, name = key.rpartition("/")
    strategy = changes.get("strategy")
    called = None if "id" in changes else name
    base: dict[str, Any] = {
        "key": key, "parent": parent or None, "id": name, "name": called, "pid": f"0.{sum(key.encode()) % 900 + 20}.0",
        "kind": "supervisor" if strategy else "worker", "what": name.title(), "strategy": None, "restart": "permanent",
        "state": "running", "since": time.time() - 60, "doing": None, "again_at": None, "restarts": 0, "last": None,
        "budget": {"used": 0, "max": 3, "window_s": 5.0, "resets_at": None, "expires": []} if strategy else None,
        "mailbox": 0, "children": None, "critical": False,
    }  # fmt: skip
    return base | changes


def failure(code: str, message: str, status: int, hint: str = "") -> JSONResponse:
    details = [{"field": "pid", "problem": message, "hint": hint}] if hint else []
    return JSONResponse({"error": {"code": code, "message": message, "details": details}, "success": False}, status)


def _parts() -> dict[str, Any]:
    why: dict[str, Any] = {"pid": "0.1.0", "alive": True, "restarted": False, "known": True, "summary": "", "steps": []}
    ties: dict[str, Any] = {
        "pid": "0.1.0",
        "traps": False,
        "ties": [],
        "more": 0,
        "waits_for": None,
        "waited_for_by": [],
    }
    return {"ties": ties, "errors/patterns": [], "errors/why": why}


class _Server(uvicorn.Server):
    """A server that ends at once: uvicorn checks every 0.1 s whether it should, and waits 0.1 s for connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()

    async def main_loop(self) -> None:
        await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await stop_accepting(sockets or ())
        for one in (*self.servers, *(sockets or ())):
            one.close()

    def end(self) -> None:
        self.should_exit = True
        self._ended.set()


@dataclass
class FakePlatform:
    """A fake platform in a thread; every method may be called from the test's thread."""

    nodes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    feed: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    epoch: str = "e1"
    seq: int = 0
    #: Where it listens; 0 stands for a port that is free.
    port: int = 0
    #: What the page asked for: (method, path, body).
    asked: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])
    #: Answers a command; None stands for the usual answer.
    on_command: Callable[[str, str, Any], Response | None] = lambda _method, _path, _body: None
    info: dict[str, Any] = field(default_factory=dict[str, Any])
    #: What the tabs of a process read besides, by path.
    parts: dict[str, Any] = field(default_factory=_parts)
    #: What is predicted, by the id of the child; None: there is no such operation.
    predictions: dict[str, Any] = field(default_factory=dict[str, Any])
    #: Whether the session of the browser has ended.
    signed_out: bool = False
    syncs: int = 0
    connections: int = 0

    def __post_init__(self) -> None:
        #: Who looks, and the number of the newest frame that each was sent.
        self._viewers: dict[WebSocket, int] = {}
        # asyncio sends at once only where a socket says it is TCP; else each answer waits 40 ms for an acknowledgement
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", self.port))
        self._socket.listen(128)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._refusing = False

    # -- the life of the server ------------------------------------------------------------------------------

    def start(self) -> FakePlatform:
        app = Starlette(routes=[
            Route("/supervisors", self._page), Mount("/static", OwnFiles(FILES)),
            Route("/api/v1/processes/{pid}", self._command, methods=["DELETE"]),
            Route("/api/v1/processes/{pid}/message", self._command, methods=["POST"]),
            Route("/api/v1/supervisors/{pid}/children/{id}/restart", self._command, methods=["POST"]),
            Route("/api/v1/supervisors/{pid}/children/bulk", self._bulk, methods=["POST"]),
            Route("/api/v1/supervisors/{pid}/children/{id}/predict", self._predict),
            Route("/api/v1/processes/{pid}/info", self._info),
            Route("/api/v1/processes/{pid}/{path:path}", self._part), WebSocketRoute("/live/supervisors", self._live),
            WebSocketRoute("/live/platform", self._platform),
        ])  # fmt: skip
        config = uvicorn.Config(app, log_level="error", lifespan="off", ws_per_message_deflate=False)
        self._server = _Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake platform", daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._server.serve(sockets=[self._socket]))
            self._loop.run_until_complete(self._hang_up())
        finally:
            self._loop.close()
            self._socket.close()

    async def _hang_up(self) -> None:
        """End what came while the server ended: a browser would ask for ever on a connection that stays open.

        A connection that is open starts tasks with each request, so all are closed first.
        """
        self._abort_connections()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:  # one that accepts a connection closes it
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._abort_connections()
        await asyncio.sleep(0)

    def _abort_connections(self) -> None:
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    def stop(self) -> None:
        with suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._server.end)
        self._thread.join(10)

    def _in_loop(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    # -- what a test says ------------------------------------------------------------------------------------

    def snapshot(self, **changes: Any) -> None:
        """Sends everybody a snapshot of what is known here, with changes."""
        self._in_loop(self._send(json.dumps(self._snapshot() | changes)))

    def delta(self, **parts: Any) -> None:
        """Sends everybody the next frame; `nodes` and `feed` of this object follow."""
        self._in_loop(self._next(parts))

    async def _next(self, parts: dict[str, Any]) -> None:
        self.seq = parts.pop("seq", self.seq + 1)
        rows = {one["key"]: one for one in self.nodes}
        for key, changed in parts.get("p", []):
            rows[key].update(changed)
        for new in parts.get("n", []):
            self.nodes.append({name: value for name, value in new.items() if name != "after"})
        self.nodes = [one for one in self.nodes if one["key"] not in parts.get("x", [])]
        self.feed.extend(parts.get("e", []))
        await self._send(json.dumps({"k": "d", "seq": self.seq, **parts}))

    def drop(self, *, refuse: bool = False) -> None:
        """Close every feed; with `refuse`, new ones are refused until `refuse=False`."""
        self._refusing = refuse
        self._in_loop(self._close())

    def accept(self) -> None:
        self._refusing = False

    async def _close(self) -> None:
        for viewer in list(self._viewers):
            await viewer.close(1001)

    async def _send(self, text: str) -> None:
        for viewer in list(self._viewers):
            if viewer in self._viewers:  # it may have gone while another was sent this
                await self._tell(viewer, text)

    async def _tell(self, viewer: WebSocket, text: str) -> None:
        self._viewers[viewer] = self.seq
        await viewer.send_text(text)

    def _snapshot(self) -> dict[str, Any]:
        known = {"epoch": self.epoch, "seq": self.seq, "nodes": self.nodes, "feed": self.feed, "health": HEALTH}
        return {"k": "s", "now": time.time(), "node": "test@127.0.0.1", "version": "0.1.0"} | known

    # -- what the page asks ----------------------------------------------------------------------------------

    async def _page(self, _request: Request) -> Response:
        if self.signed_out:
            return HTMLResponse("<title>Sign in</title>", 401)
        pages = [one for one in PAGES if one.id == "supervisors"]
        node = "test@127.0.0.1"
        shown = {"root": "", "version": "0.1.0", "pages": pages, "node": node, "nodes": [node], "chosen": ""}
        shown |= {"told": TOLD}
        html = render_page("supervisors.html", shown | {"page": "supervisors", "title": "Supervisors", "live": True})
        return HTMLResponse(html, headers={"content-security-policy": CSP})

    async def _live(self, viewer: WebSocket) -> None:
        self.connections += 1
        if self._refusing:
            await viewer.close(1001)
            return
        await viewer.accept()
        self._viewers[viewer] = self.seq
        beat = asyncio.create_task(self._beat(viewer))
        try:
            await self._tell(viewer, json.dumps(self._snapshot()))
            while True:
                if json.loads(await viewer.receive_text()) == {"k": "sync"}:
                    self.syncs += 1
                    await self._tell(viewer, json.dumps(self._snapshot()))
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            del self._viewers[viewer]
            beat.cancel()

    async def _platform(self, viewer: WebSocket) -> None:
        """Send the list of nodes, which has only one."""
        await viewer.accept()
        await viewer.send_text(TOLD)
        try:
            await viewer.receive_text()
        except (WebSocketDisconnect, RuntimeError):
            pass

    async def _beat(self, viewer: WebSocket) -> None:
        """Says that the line is alive with a frame the page has already: never with the number of one on its way."""
        while True:
            await asyncio.sleep(0.5)
            await viewer.send_text(json.dumps({"k": "d", "seq": self._viewers[viewer]}))

    async def _command(self, request: Request) -> Response:
        body = json.loads(await request.body() or b"null")
        self.asked.append((request.method, request.url.path, body))
        answer = await asyncio.to_thread(self.on_command, request.method, request.url.path, body)
        data = {"pid": request.path_params["pid"], "terminated": True}
        return answer or JSONResponse({"data": data, "success": True})

    async def _info(self, request: Request) -> Response:
        data = {"pid": request.path_params["pid"], **self.info}
        return JSONResponse({"data": data, "success": True})

    async def _part(self, request: Request) -> Response:
        path = request.path_params["path"]
        if path not in self.parts:
            return failure("not_supported", f"there is no {path} here", 404)
        return JSONResponse({"data": self.parts[path], "success": True})

    async def _predict(self, request: Request) -> Response:
        step = self.predictions.get(request.path_params["id"])
        if step is None:
            return failure("child_not_found", "there is no such child", 404)
        return JSONResponse({"data": {"child": request.path_params["id"], "steps": [step]}, "success": True})

    async def _bulk(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.asked.append((request.method, request.url.path, body))
        answer = await asyncio.to_thread(self.on_command, request.method, request.url.path, body)
        results = [{"id": child, "ok": True} for child in body["children"]]
        return answer or JSONResponse({"data": {"results": results}, "success": True})
