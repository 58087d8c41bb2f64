"""Requests behind restarts and ends, over HTTP: they are stored, and named to each reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asked_restarts import Inside, next_row
from owned_things import call, user


@pytest.mark.operation("error.why", "restart.show", "restart.list", "supervisor.restart_child", "supervisor.restart")
def test_a_restart_on_request_names_the_request_and_is_kept(inside: Inside, tmp_path: Path) -> None:
    """Regression: it was said not to have been restarted, and no list had it."""
    refs: list[str] = []
    ada, bob = user("ada", "teacher"), user("bob", "viewer", 2)
    asked = {"name": "demo_one_for_one", "child": "counter_1"}, {"name": "demo_one_for_one", "mode": "soft"}

    async def check(platform: Any) -> None:
        for reader, whose in ((ada, "your"), (bob, "ada's")):
            lines = (await call(platform.platform, "restart.list", reader)).data
            soft, one = [line for line in lines if not line["line"].startswith("the platform did not run")]
            assert [one["ref"], soft["ref"]] == refs
            assert one["line"] == f"counter_1 was restarted by {one['request']}"
            assert soft["line"] == f"counter_1, counter_2 and printer_1 were restarted by {soft['request']}"
            for line, operation in ((one, "supervisor.restart_child"), (soft, "supervisor.restart")):
                request = f"{whose} request through test ({operation})"
                assert (line["request"], line["supervisor"], line["reason"]) == (request, "demo_one_for_one", None)
                shown = (await call(platform.platform, "restart.show", reader, event=line["ref"])).data
                facts = shown["facts"]
                assert (f"{facts['what']} by {request}", facts["why"]) == (line["line"], request)
                assert facts["state_after"] == "unchanged"  # counter_1 had counted nothing
                assert f"demo_one_for_one stopped {line['name']} by {request}; " in shown["summary"]
            assert one["name"] == "counter_1" and one["started"] == 1

    async def before(platform: Any) -> None:
        for operation, given in zip(("supervisor.restart_child", "supervisor.restart"), asked, strict=True):
            found = next_row(platform)
            await call(platform.platform, operation, ada, **given)
            (live, *_) = (await call(platform.platform, "restart.list", ada)).data
            row = await found
            refs.append(f"{row.run}.{row.number}")
            assert (live["ref"], live["supervisor"]) == (refs[-1], "demo_one_for_one")
            why = (await call(platform.platform, "error.why", bob, pid="counter_1")).data
            assert why["restarted"] and [one["kind"] for one in why["steps"]] == ["stopped", "child_started"]
            assert why["steps"][0]["request"] == f"ada's request through test ({operation})"
        await check(platform)
        await platform.platform.store.sync()

    inside(before, data_dir=tmp_path)
    inside(check, data_dir=tmp_path)


@pytest.mark.operation("error.why")
@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("process.kill", {"pid": "counter_1"}),
        ("supervisor.restart_child", {"name": "demo_one_for_one", "child": "counter_1"}),
    ],
)
def test_a_request_that_only_the_store_knows_is_named(inside: Inside, operation: str, given: dict[str, str]) -> None:
    """Regression: after a new attachment, a kill by one's own request was "by a signal from outside"."""
    ada, bob = user("ada", "teacher"), user("bob", "viewer", 2)

    async def test(platform: Any) -> None:
        found = next_row(platform)
        await call(platform.platform, operation, ada, **given)
        await found
        platform.platform.audit._entries.clear()
        for reader, whose in ((ada, "your"), (bob, "ada's")):
            why = (await call(platform.platform, "error.why", reader, pid="counter_1")).data
            request = f"{whose} request through test ({operation})"
            assert f" by {request}" in why["summary"] and "outside" not in why["summary"]
            assert (why["steps"][0]["request"], why["steps"][0]["text"]) == (request, why["summary"].partition("\n")[0])

    inside(test)


@pytest.mark.operation("restart.show")
def test_a_stored_restart_is_not_shown_with_less_than_is_stored(inside: Inside) -> None:
    """Regression: once states or requests were forgotten, it was drawn without them, although it was stored."""
    ada = user("ada", "teacher")

    async def test(platform: Any) -> None:
        found = next_row(platform)
        await call(platform.platform, "process.kill", ada, pid="counter_1")
        row = await found
        shown = [(await call(platform.platform, "restart.show", ada, event=f"{row.run}.{row.number}")).data]
        platform.platform.audit._entries.clear()
        platform.platform.nodes._own.last_states.close()
        shown.append((await call(platform.platform, "restart.show", ada, event=f"{row.run}.{row.number}")).data)
        before, after = (one["facts"] for one in shown)
        assert after == before and after["state_before"] is not None
        assert [(one["current"], one["request"]) for one in shown] == [
            (True, "your request through test (process.kill)")
        ] * 2

    inside(test)


@pytest.mark.operation("process.exit", "process.shutdown", "process.kill", "restart.list", "error.why")
@pytest.mark.parametrize(
    ("operation", "given", "how", "again"),
    [
        ("process.exit", {"reason": "weird"}, "ended by {} with reason 'weird'", "and was restarted"),
        ("process.shutdown", {}, "ended by {} with reason 'shutdown'", "and was restarted"),
        ("process.kill", {}, "killed by {}", "and restarted"),
    ],
)
def test_an_end_by_a_request_is_no_crash(
    inside: Inside, operation: str, given: dict[str, Any], how: str, again: str
) -> None:
    """Regression: a signal of one's own read like a crash of the code, and lists did not say who had sent it."""
    ada = user("ada", "teacher")

    async def test(platform: Any) -> None:
        found = next_row(platform)
        await call(platform.platform, operation, ada, pid="counter_1", **given)
        await found
        [line, *_] = (await call(platform.platform, "restart.list", ada, process="counter_1")).data
        assert line["line"] == f"counter_1 was {how.format(line['request'])} {again}"
        assert line["request"] == f"your request through test ({operation})"
        why = (await call(platform.platform, "error.why", ada, pid="counter_1")).data["summary"]
        assert "crashed" not in why and f" by {line['request']}" in why
        shown = (await call(platform.platform, "restart.show", ada, event=line["ref"])).data["facts"]["why"]
        assert shown == f"counter_1 was {how.format(line['request'])}"
        if operation == "process.kill":
            return
        live = next(one for one in platform.platform.hubs.own.feed.entries() if one.key and "counter_1" in one.key)
        told = how.format("ada's request through test")
        assert live.text.startswith(f"counter_1 was {told}; ") and live.level == "warn"
        events = [one for one in platform.platform.events.between(0, 10_000) if one.type == "child_terminated"]
        [event] = [one for one in events if "counter_1" in one.text]
        assert event.text.endswith(f"> was {told}") and event.data["request"] == "ada's request through test"

    inside(test)


@pytest.mark.operation("restart.show")
def test_who_caused_a_restart_is_known_after_a_restart_of_the_platform(inside: Inside, tmp_path: Path) -> None:
    """Regression: a stored restart only said *a request*, and *another user* was the reader's own browser."""
    refs: dict[str, str] = {}
    ada, bob = user("ada", "teacher"), user("bob", "viewer", 2)

    async def cause(platform: Any, name: str, **given: Any) -> None:
        found = next_row(platform)
        await call(platform.platform, name, ada, pid="counter_1", **given)
        row = await found
        refs[name] = f"{row.run}.{row.number}"

    async def check(platform: Any) -> None:
        for reader, whose, who in ((ada, "your", "you"), (bob, "ada's", "ada")):
            shown = (await call(platform.platform, "restart.show", reader, event=refs["process.kill"])).data
            request = f"{whose} request through test (process.kill)"
            assert (shown["request"], shown["facts"]["why"]) == (request, f"counter_1 was killed by {request}")
            assert f"was killed, by {request}; " in shown["summary"]
            lines = (await call(platform.platform, "restart.list", reader)).data
            assert [None, request] == [one["request"] for one in lines]
            shown = (await call(platform.platform, "restart.show", reader, event=refs["process.message"])).data
            clause = f"the cast 'crash' that {who} sent through test at "
            assert shown["facts"]["handling"].startswith(clause)
            assert f", while it handled {clause}" in shown["summary"]

    async def before(platform: Any) -> None:
        await cause(platform, "process.kill")
        await cause(platform, "process.message", message="crash", message_type="cast")
        await check(platform)
        await platform.platform.store.sync()

    inside(before, data_dir=tmp_path)
    (tmp_path / "alive").unlink()  # otherwise the time without a platform is listed, too
    inside(check, data_dir=tmp_path)
