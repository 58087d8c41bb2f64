"""Published events name the supervisor that acted."""

from __future__ import annotations

from typing import Any

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from superlearner.observing.events import EventFilter, EventLog, Reader


class Till(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Till.child_spec(id="till", name="till")], max_restarts=0)


class Street(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Shop.child_spec(id="shop")])


def test_a_supervisor_without_a_name_has_its_id_also_when_it_gives_up() -> None:
    async def main() -> None:
        events = EventLog("e1")
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            await node.start(Street, None, name="street")
            reader = Reader(events, EventFilter(types=frozenset({"gave_up"})))
            otp.exit(("till", node), "kill")
            found = await reader.more(1, 10)
        [gave_up] = found
        assert gave_up.text == "shop gave up: it allows no restarts (last: till was killed)"
        assert gave_up.supervisor == "shop"

    otp.run(main)


class Counter(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [Till.child_spec(id=name.title(), name=name) for name in ("till", "cart", "mailer")],
            strategy="rest_for_one",
        )


def test_children_that_are_restarted_with_another_one_have_their_names_and_not_their_ids() -> None:
    async def main() -> None:
        events = EventLog("e1")
        async with otp.Node("shop@127.0.0.1") as node:
            events.follow(node)
            await node.start(Counter, None, name="shop")
            reader = Reader(events, EventFilter(types=frozenset({"child_restarted"})))
            otp.exit(("till", node), "kill")
            [restarted] = await reader.more(1, 10)
        assert ", and with it cart and mailer; " in restarted.text
        assert restarted.data["group"] == ["Cart", "Mailer"]

    otp.run(main)
