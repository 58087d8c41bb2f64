"""Restarts and crashes that have not settled are kept if the program of their node ends before they have."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle
from superlearner.live.moments import Moments, listen_to
from superlearner.nodes.kinds import SERVICE
from superlearner.nodes.nodes import Nodes
from superlearner.nodes.remote.protocol import Drawn, Failed
from superlearner.operations.engine.audit import AuditLog
from superlearner.settings.settings import Settings
from superlearner.store import MomentRow

RUN = "9f3a0c1b22d4"


class BriefTill(GenServer[None]):
    @impl
    def init(self, arg: Any) -> Ok[None]:
        return Ok(None)


class BriefShop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([BriefTill.child_spec(None, id="till", name="till")])


class EndingService:
    """A node that answers once, and then no more."""

    name, owner, kind = "shop", None, SERVICE

    def __init__(self, settled: list[MomentRow], unsettled: list[MomentRow], *, is_older: bool = False) -> None:
        self._answers: list[Any] = [Drawn(list(enumerate(settled, 1)), unsettled)]
        self.asked: list[bool] = []
        if is_older:
            self._answers.insert(0, Failed("malformed_request", "Object contains unknown field `unsettled`"))

    async def ask(self, request: Any, *_: Any, **_more: Any) -> Any:
        self.asked.append(request.unsettled)
        if not self._answers:
            await asyncio.Event().wait()
        return self._answers.pop(0)


def row(number: int, text: str) -> MomentRow:
    return MomentRow("", RUN, number, number, 100.0, 101.0, text, 1, f"{number}")


async def fails() -> None:
    raise ValueError("no job")


async def lines_of(moments: Moments, node: str = "shop") -> list[str]:
    rows, _ = await moments.page([node], [], None, None, None, 0, 100)
    return [one.line for one in rows]


@pytest.mark.parametrize("is_over", [True, False])
def test_what_had_not_settled_is_kept_if_the_program_has_ended_and_only_then(is_over: bool) -> None:
    """Regression: a crash in the last seconds before a kill was lost, although pages had shown it."""

    async def main() -> None:
        moments = Moments(cast(Any, None))
        service = EndingService([row(3, "till crashed")], [row(3, "till crashed"), row(7, "shop gave up")])
        listening = listen_to(moments, cast(Any, service))
        await wait_all_idle()
        assert ["till crashed"] == await lines_of(moments)
        listening.close(is_over=is_over)
        assert sorted(["till crashed", *(["shop gave up"] * is_over)]) == sorted(await lines_of(moments))

    Scheduler().run(main)


def test_an_older_service_is_asked_without_what_has_not_settled() -> None:
    async def main() -> None:
        moments = Moments(cast(Any, None))
        service = EndingService([row(3, "till crashed")], [], is_older=True)
        listening = listen_to(moments, cast(Any, service))
        await wait_all_idle()
        assert ["till crashed"] == await lines_of(moments)
        assert [True, False] == service.asked[:2]
        listening.close(is_over=True)

    Scheduler().run(main)


def test_a_restart_and_a_crash_without_a_supervisor_are_sent_before_they_have_settled() -> None:
    async def main(home: otp.Node) -> None:
        async with otp.Node("till@127.0.0.1") as till:
            await till.start(BriefShop, None, name="shop")
            nodes, moments = Nodes(home, Settings), Moments(AuditLog())
            nodes.listen(moments.follow)
            nodes.attach(till, kind=SERVICE)
            waiting = asyncio.ensure_future(moments.wait_for_news(0, 60, unsettled=True))
            ended = till.spawn(fails)
            async with asyncio.timeout(10):
                assert [] == await waiting
            assert not otp.is_alive(ended)
            assert 1 == len(moments.list_unsettled())
            otp.exit(till.whereis("till"), "kill")
            async with asyncio.timeout(10):
                assert [] == await moments.wait_for_news(0, 60, unsettled=True)
            lines = [one.line for one in moments.list_unsettled()]
            assert 2 == len(lines), lines
            assert "till was killed and restarted" in lines
            assert any("ValueError('no job')" in one for one in lines)
            nodes.detach(till.name)  # stores them, once each
            assert sorted(lines) == sorted(await lines_of(moments, "till@127.0.0.1"))

    otp.run(lambda: main(otp.node()))
