"""The web server's incarnations: there is always one that listens, and none is left behind."""

from __future__ import annotations

import asyncio
import asyncio.constants
import errno
import socket
from typing import Any

import pytest

from superlearner.base.listening import Listener
from superlearner.settings.settings import Settings
from superlearner.web.web_server import WebState


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that is never called here."""


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """An application with one answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def test_a_server_whose_start_was_interrupted_ends_with_all_older_ones() -> None:
    async def main() -> None:
        listener = Listener.bind("127.0.0.1", 0)
        chosen = Settings()
        web = WebState(nothing, listener, lambda: chosen)
        first = await web.begin()
        second = asyncio.ensure_future(web.begin())
        asyncio.get_running_loop().call_soon(second.cancel)  # as it waits for its socket
        await asyncio.wait([second])
        assert second.cancelled()
        assert len(web.incarnations) == 2
        older = list(web.incarnations)
        third = await web.begin()
        for server in older:
            await server.ended()
        assert (older[0], web.incarnations) == (first, [third])
        web.end()
        await third.ended()
        assert web.incarnations == []
        listener.close()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_connection_that_is_being_accepted_as_the_server_ends_is_closed() -> None:
    """asyncio drops it without closing it if the server closes before: its client would wait for ever."""

    async def main() -> None:
        listener = Listener.bind("127.0.0.1", 0)
        chosen = Settings()
        web = WebState(hello, listener, lambda: chosen)
        server = await web.begin()
        with socket.create_connection(("127.0.0.1", listener.port)) as client:
            client.setblocking(False)
            await asyncio.sleep(0)  # in this turn, the loop accepts it
            web.end()
            await server.ended()
            assert client.recv(1) == b""
        listener.close()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_request_on_a_kept_connection_is_answered_while_another_server_takes_over() -> None:
    """The client cannot know of the change yet; the answer announces it."""

    async def main() -> None:
        listener = Listener.bind("127.0.0.1", 0)
        chosen = Settings()
        web = WebState(hello, listener, lambda: chosen)
        first = await web.begin()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)

        async def ask() -> bytes:
            writer.write(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
            return await reader.readuntil(b"hello")

        assert b"connection: close" not in await ask()
        second = await web.begin()
        assert b"connection: close" in await ask()
        assert await reader.read() == b""
        await first.ended()
        assert web.incarnations == [second]
        writer.close()
        web.end()
        await second.ended()
        listener.close()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_without_descriptors_few_attempts_are_made_per_turn_and_waiting_clients_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """asyncio tried 2,048 times in a turn and wrote a traceback of each: all of a core, and 20 MB of log a second."""
    monkeypatch.setattr(asyncio.constants, "ACCEPT_RETRY_DELAY", 0.01)

    async def main() -> None:
        listener = Listener.bind("127.0.0.1", 0)
        chosen = Settings()
        web = WebState(hello, listener, lambda: chosen)
        server = await web.begin()
        reports: list[dict[str, Any]] = []
        reported = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, report: (reports.append(report), reported.set()))
        with monkeypatch.context() as scarce:
            scarce.setattr("socket.socket.accept", no_descriptor)
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
            await reported.wait()  # all in one turn: nothing else ran in between
        assert {errno.EMFILE} == {report["exception"].errno for report in reports}
        assert 0 < len(reports) < 100
        await reader.readuntil(b"hello")
        writer.close()
        web.end()
        await server.ended()
        listener.close()

    asyncio.run(asyncio.wait_for(main(), 20))


def no_descriptor(*given: Any) -> Any:
    raise OSError(errno.EMFILE, "Too many open files")
