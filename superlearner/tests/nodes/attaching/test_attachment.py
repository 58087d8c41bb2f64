"""A service that is looked for, with doors and visits of the test's own."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import pytest

from otp.doors import DoorError, DoorRecord
from superlearner.nodes.attaching import Attachment, ServiceChange, attachment, whereabouts
from superlearner.nodes.attaching.known_services import ENTRIES, KnownService
from superlearner.nodes.attaching.whereabouts import Whereabouts

NODE = "shop@127.0.0.1"
WHERE = Whereabouts("shop", None)


def door(number: int) -> DoorRecord:
    return DoorRecord(f"shop-{number}", NODE, number, f"unix//tmp/{number}.sock", ("observe",), "token")


def looked_for(nodes: Any, pauses: tuple[float, ...], tell: Any = lambda *_: None) -> Attachment:
    known = KnownService(NODE, NODE, WHERE, "unix//tmp/1.sock", gone_at=1.0, os_pid=7)
    return Attachment(WHERE, NODE, nodes, tell, pauses, known)


def test_doors_that_cannot_be_told_apart_do_not_shorten_the_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: such a service was given up after ten seconds instead of three minutes."""
    doors, looks = [door(2), door(3)], asyncio.Queue[None]()

    def find_doors() -> list[DoorRecord]:
        looks.put_nowait(None)
        return doors

    monkeypatch.setattr(whereabouts, "find_doors", find_doors)
    monkeypatch.setattr(attachment, "LOOK_S", 0.0)

    async def main() -> None:
        nodes = SimpleNamespace(wait_for=lambda *_: None, stop_waiting=lambda *_: None)
        one = looked_for(nodes, (0.0, 3600.0))
        live = asyncio.create_task(one.live())
        for _ in range(20):
            await looks.get()
        assert one.state == "looked_for"
        doors.append(door(4))
        await live
        assert one.state == "given_up"

    asyncio.run(asyncio.wait_for(main(), 10))


def test_a_return_is_told_after_an_attempt_that_failed_midway(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a crash loop: the door is open, and the service ends before it is attached."""
    visits = iter([asyncio.Event() for _ in range(3)])

    class Visit:
        silent_since = last_word = None

        def __init__(self, *_: Any) -> None:
            self.facts = SimpleNamespace(node=NODE, os_pid=7, backend=object(), permissions=(), why="")
            self.ended = next(visits)

        async def __aenter__(self) -> Any:
            return self

        async def __aexit__(self, *_: object) -> None: ...

        async def gone(self) -> None:
            await self.ended.wait()

    results = iter([True, False, True])

    async def attach_remote(*_: Any, **__: Any) -> None:
        if not next(results):
            raise DoorError("it has ended")

    monkeypatch.setattr(whereabouts, "find_doors", lambda: [door(1)])
    monkeypatch.setattr(attachment, "Visitor", Visit)
    monkeypatch.setattr(attachment, "ServiceLink", lambda *_: None)

    async def main() -> None:
        told = asyncio.Queue[ServiceChange]()
        nodes = SimpleNamespace(
            wait_for=lambda *_: None, stop_waiting=lambda *_: None, detach=lambda *_: None, attach_remote=attach_remote
        )
        attached = asyncio.Event()
        one = looked_for(nodes, (0.0,) * 5, lambda level, _: attached.set() if level == "ok" else None)
        one.on_change = told.put_nowait
        live = asyncio.create_task(one.live())
        await attached.wait()
        back = await told.get()  # after the restart of the platform, during which its process ran on
        assert back.ran_on
        text = rf"{NODE} is attached again after a gap of [\d,]+ days: its process 7 has run on"
        assert re.fullmatch(text, back.text)
        assert one.visitor is not None
        one.visitor.ended.set()  # pyright: ignore[reportAttributeAccessIssue]
        assert (await told.get()).reason is not None
        assert (await told.get()).reason is None
        live.cancel()

    asyncio.run(asyncio.wait_for(main(), 10))


def test_the_reason_why_a_service_ended_is_known_after_a_restart_of_the_platform() -> None:
    """Regression: it had said that booking called sys.exit(3), and then only that no service was found."""

    async def main() -> None:
        nodes = SimpleNamespace(wait_for=lambda *_: None, stop_waiting=lambda *_: None)
        known = KnownService(NODE, NODE, WHERE, "unix//tmp/1.sock", gone_at=1.0, closed="till called sys.exit(3)")
        [stored] = ENTRIES.validate_json(ENTRIES.dump_json([known]))
        one = Attachment(WHERE, NODE, nodes, lambda *_: None, (), stored)
        await one.live()
        assert one.why is not None
        assert one.why.startswith("till called sys.exit(3); ")

    asyncio.run(asyncio.wait_for(main(), 10))


@pytest.mark.parametrize(("node", "name"), [("nonode", "rides"), (NODE, NODE)])
def test_a_node_without_a_name_has_that_of_its_service(node: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: `attach rides` answered that nonode is attached."""
    mine = DoorRecord("rides-12020", node, 12020, "unix//tmp/1.sock", ("observe",), "token")
    monkeypatch.setattr(whereabouts, "find_doors", lambda: [door(2), mine])
    assert name == Whereabouts("rides", None).name_of(node, mine.address)
    elsewhere = Whereabouts("10.0.0.7:4000", "the-token-of-the-door")
    assert node == elsewhere.name_of(node, "10.0.0.7:4000")


@pytest.mark.parametrize(
    ("given", "shown"),
    [(f"{NODE}-12020", f"{NODE}-26868"), (NODE, NODE), ("/run/shop-7", "/run/shop-7"), ("10.0.0.7:4000",) * 2],
)
def test_the_process_id_in_an_address_is_that_of_the_present_program(given: str, shown: str) -> None:
    """Regression: after a restart of the service, the address named a process that no longer existed."""

    async def main() -> None:
        where = Whereabouts(given, None)
        known = KnownService(NODE, NODE, where, "unix//tmp/2.sock", os_pid=26868)
        one = Attachment(where, NODE, SimpleNamespace(), lambda *_: None, (), known)
        one.facts = SimpleNamespace(os_pid=26868)
        assert one.present_address == shown

    asyncio.run(main())
