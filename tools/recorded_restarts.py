"""The restarts that the documentation plays: small trees, ended in virtual time.

python -m tools.recorded_restarts writes `docs/pictures/restarts/*.json`; the animations beside them come from
`make screenshots`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import otp
from otp import Agent, Application, DynamicSupervisor, GenServer, Registry, TaskSupervisor, impl, observer
from otp.testing import Scheduler, wait_all_idle
from superlearner.control.clock import Clock
from superlearner.control.terms import short_state
from superlearner.operations.builtin.restarts import describe_moment
from superlearner.restarts.groups import groups
from superlearner.restarts.moments import moment_of
from superlearner.restarts.present import Running, waits
from tools.files import ROOT
from tools.recorded_trees import Group, Part, price, share

FOLDER: Final = ROOT / "docs" / "pictures" / "restarts"


def part(name: str, linked_to: str | None = None) -> Any:
    """Return the child spec of a part."""
    return Part.child_spec(linked_to, id=name, name=name)


def group(name: str, children: list[Any], **flags: Any) -> Any:
    """Return the child spec of a supervisor."""
    return Group.child_spec((children, flags), id=name, name=name)


async def fail(name: str = "cart", times: int = 1) -> None:
    """Let all parts work, then one of them fail."""
    for _ in range(times):
        for each, messages in (("stock", 3), ("cart", 5), ("mailer", 2)):
            for _ in range(messages):
                if otp.whereis(each) is not None:
                    GenServer.cast(each, "work")
        await wait_all_idle()
        GenServer.cast(name, "bad")
        await wait_all_idle()


async def fail_agent() -> None:
    """Let an agent count, then fail."""
    for _ in range(3):
        await Agent.update("visits", lambda visits: visits + 1)
    Agent.cast("visits", share)
    await wait_all_idle()


async def fail_task() -> None:
    """Start three tasks, of which one fails."""
    tasks = [await TaskSupervisor.start_child("tasks", price, of) for of in ("tea", "wine", "milk")]
    await wait_all_idle()
    otp.send(tasks[1], "go")
    await wait_all_idle()


async def fail_room() -> None:
    """Register two rooms by their keys, of which one fails."""
    for room in ("lobby", "garden"):
        spec = Part.child_spec(None, id=room, name=Registry.via("rooms", room))
        await DynamicSupervisor.start_child("room_sup", spec)
    for message in ("work", "work", "bad"):
        GenServer.cast(Registry.via("rooms", "lobby"), message)
    await wait_all_idle()


class Shop(Application):
    """A whole application."""

    @impl
    async def start(self, kind: Any, args: Any) -> Any:
        """Start the tree."""
        return await Group.start_link(([part("stock"), part("cart")], {"max_restarts": 1}), name="shop")


async def fail_application() -> None:
    """Start an application whose tree gives up."""
    await Application.start(Shop)
    await fail(times=2)


SHOP: Final = [part("stock"), part("cart"), part("mailer")]
CHECKOUT: Final = group("checkout", [part("cart"), part("mailer")], max_restarts=1)
CHAT: Final = [Registry.child_spec(keys="unique", name="rooms"), DynamicSupervisor.child_spec(name="room_sup")]
TREES: Final[dict[str, tuple[Any, Callable[[], Awaitable[None]]]]] = {
    "one_for_one": (group("shop", SHOP, strategy="one_for_one"), fail),
    "one_for_all": (group("shop", SHOP, strategy="one_for_all"), fail),
    "rest_for_one": (group("shop", SHOP, strategy="rest_for_one"), fail),
    "gives_up": (group("shop", [part("stock"), CHECKOUT, part("clock")]), partial(fail, times=2)),
    "linked": (group("shop", [part("stock"), part("cart", "stock"), part("mailer")]), partial(fail, "stock")),
    "agent": (group("shop", [Agent.child_spec(int, id="visits", name="visits"), part("cart")]), fail_agent),
    "task": (group("shop", [part("stock"), TaskSupervisor.child_spec(name="tasks")]), fail_task),
    "registry": (group("chat", CHAT, strategy="rest_for_one"), fail_room),
    "application": (None, fail_application),
}
"""Each tree and what happens to it; None if that also starts it."""


def recorded(name: str) -> dict[str, Any]:
    """Return a restart as `restart.show` does, with times of a virtual clock."""

    async def main() -> dict[str, Any]:
        node = otp.node()
        last = observer.keep_last_states(node, show=short_state)
        tree, happens = TREES[name]
        if tree is not None:
            await Group.start_link(([tree], {}), name="top")
        await happens()
        events, now = otp.trace.history(node), Running(node, last)
        found = groups(events, lambda end: waits(now, end))
        newest = max(found.values(), key=lambda one: one.id)
        moment = moment_of(events, newest, now)
        model = describe_moment(moment, Clock(), "; ".join(step.text for step in moment.steps))
        return model.model_dump(mode="json") | {"at": 0.0, "storm": 0}

    return Scheduler().run(main)


def main() -> None:
    """Write all recordings."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in TREES:
        text = json.dumps(recorded(name), indent=1)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
