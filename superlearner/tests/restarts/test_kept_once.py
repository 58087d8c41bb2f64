"""What a node in another program sends again, when it is attached again, is not kept again."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from otp.testing import Scheduler, wait_all_idle
from superlearner.live.moments import Moments, listen_to
from superlearner.nodes.kinds import SERVICE
from superlearner.nodes.remote.protocol import Drawn
from superlearner.store import MomentRow

RUN = "9f3a0c1b22d4"


class Service:
    """The node: it sends rows once, and then has no news."""

    name, owner, kind = "shop", None, SERVICE

    def __init__(self, *rows: MomentRow) -> None:
        self._rows = list(rows)

    async def ask(self, _request: Any, _answer: Any, _timeout: float, **_more: Any) -> Any:
        if not self._rows:
            await asyncio.Event().wait()
        rows, self._rows = self._rows, []
        return Drawn(list(enumerate(rows, 1)))


def line(number: int, last: int = 0, count: int = 1) -> MomentRow:
    text, events = (
        ("till was killed and restarted", f"{number}") if count == 1 else (f"till ended {count} times more", "")
    )
    return MomentRow("", RUN, number, last or number, 100.0, 101.0, text, count, events)


def test_a_restart_that_is_kept_alone_or_in_a_sum_is_not_kept_again() -> None:
    """Regression: after a restart of the platform, those in the memory of the service were counted twice."""

    async def main() -> None:
        moments = Moments(cast(Any, None))

        async def attach(*rows: MomentRow) -> Any:
            listening = listen_to(moments, cast(Any, Service(*rows)))
            await wait_all_idle()
            return listening

        first = await attach(line(3), line(9, 900, 297), line(500), line(7))  # one that ended after the sum is no part
        first.close()
        again = await attach(line(3), line(12), line(880), line(950))
        kept, _ = await moments.page(["shop"], [], None, None, None, 0, 100)
        assert [row.number for row in reversed(kept)] == [3, 9, 500, 7, 950]
        assert [again.has(number, RUN) for number in (3, 12, 950, 960)] == [True, True, True, False]
        assert not again.has(3, "000000000000")
        again.close()

    Scheduler().run(main)


def test_rows_are_kept_when_the_request_that_read_them_first_ends_before_it_has_kept_them() -> None:
    """Regression: on a loaded machine the give-up that ends a program was missing in the list."""

    class Ending(Service):
        async def ask(self, request: Any, *_: Any, **_more: Any) -> Any:
            return Drawn([one for one in enumerate(self._rows, 1) if one[0] > request.place])

    async def main() -> None:
        moments = Moments(cast(Any, None))
        opened = asyncio.Event()

        async def recall(_run: str) -> list[MomentRow]:
            await opened.wait()  # the store answers late
            return []

        moments.recall = recall
        listening = listen_to(moments, cast(Any, Ending(line(3), line(7))))
        await wait_all_idle()
        last = asyncio.ensure_future(listening.fetch_last())
        await wait_all_idle()
        listening.close()
        opened.set()
        assert await last
        kept, _ = await moments.page(["shop"], [], None, None, None, 0, 100)
        assert [7, 3] == [row.number for row in kept]

    Scheduler().run(main)
