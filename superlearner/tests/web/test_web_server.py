"""The web server's incarnations: there is always one that listens, and none is left behind."""

from __future__ import annotations

import asyncio
from typing import Any

from superlearner.listening import Listener
from superlearner.settings import Settings
from superlearner.web.web_server import WebState


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that is asked nothing here."""


def test_one_whose_start_was_cut_off_ends_and_so_do_all_older_ones() -> None:
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
