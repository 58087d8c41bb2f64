"""Decisions of a supervisor are in the log, and the page lists the fields of both reports.

Source: design part 1 §2, §7; `docs/logging.md`.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import otp
from logged_servers import Server, ended
from otp import ChildSpec, DynamicSupervisor, Ignore, Ok, Stop, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle

PAGE = Path(__file__).parents[3] / "docs" / "logging.md"


class Liar:
    """An id that raises when it is asked for its class, like an unbound proxy."""

    __class__ = property(lambda self: 1 / 0)  # type: ignore[assignment]


class Silent(type):
    def __getattribute__(cls, name: str) -> Any:
        raise LookupError(name)


@pytest.mark.parametrize("make_id", [Liar, lambda: Silent("Nameless", (), {})], ids=["liar", "nameless"])
def test_an_id_that_will_not_be_looked_at_is_no_end_of_its_supervisor(make_id: Any, seen: Any) -> None:
    """The report of a restart raised in the supervisor's own process, which ended with it."""

    async def main() -> Any:
        above = await Supervisor.start_link_children([ChildSpec(make_id(), (Server.start_link, 1))])
        (child,) = await Supervisor.which_children(above)
        otp.exit(child.pid, "boom")
        await wait_all_idle()
        return otp.is_alive(above), len(await Supervisor.which_children(above))

    assert Scheduler().run(main) == (True, 1)
    assert " (one_for_one) restarted " in seen.text(0)


def decisions(seen: Any) -> list[dict[str, Any]]:
    return [fields for fields in map(seen.fields, range(len(seen.records))) if fields.get("otp_report") == "supervisor"]


def servers(names: str, **options: Any) -> list[ChildSpec]:
    return [Server.child_spec(1, id=name, name=name, **options) for name in names]


def test_a_restart_tells_who_was_restarted_why_and_how_many_are_left(seen: Any) -> None:
    async def main() -> Any:
        await Supervisor.start_link_children(servers("abc"), strategy="rest_for_one", name="shop")
        old = otp.whereis("b")
        otp.exit(old, "boom")
        await ended(old)
        return str(old), str(otp.whereis("b"))

    old, new = Scheduler().run(main)
    (fields,) = decisions(seen)
    assert json.loads(json.dumps(fields)) == fields
    expected = {
        "otp_decision": "restarted",
        "otp_name": "shop",
        "otp_child": "'b'",
        "otp_reason": "'boom'",
        "otp_old_pid": old,
        "otp_child_pid": new,
        "otp_strategy": "rest_for_one",
        "otp_group": ["'c'"],
        "otp_used": 1,
        "otp_allowed": 3,
        "otp_window": 5,
    }
    assert expected == {key: fields[key] for key in expected}
    assert seen.text().endswith(
        f"b {old} crashed: boom; shop (rest_for_one) restarted b {new}, and with it c; 2 of 3 restarts left in 5 s"
    )


@pytest.mark.parametrize("strategy", ["rest_for_one", "one_for_all"])
def test_siblings_are_told_by_the_names_of_their_processes_also_of_those_that_do_not_run_yet(
    strategy: Any, seen: Any
) -> None:
    """Regression: they were told by their ids."""

    async def main() -> None:
        specs = [Server.child_spec(1, id=f"{name}_id", name=name) for name in "abc"]
        await Supervisor.start_link_children(specs, strategy=strategy, name="shop")
        old = otp.whereis("b")
        otp.exit(old, "boom")
        await ended(old)

    Scheduler().run(main)
    others = "c" if strategy == "rest_for_one" else "a and c"
    assert f"shop ({strategy}) restarted b <" in seen.text()
    assert f", and with it {others}; 2 of 3 restarts left" in seen.text()
    assert "_id" not in seen.text()


@pytest.mark.parametrize("named", [True, False])
def test_who_ended_with_a_linked_process_did_not_crash(named: bool, seen: Any) -> None:
    """Regression: the log called it a crash of the child."""

    async def main() -> tuple[Any, Any]:
        await Supervisor.start_link_children(servers("ab"), strategy="one_for_all", name="shop")
        other = await Server.start(1, name="cook" if named else None)
        old = otp.whereis("b")
        await Server.call(old, partial(otp.link, other))
        Server.cast(other, "go")
        await ended(old)
        return old, otp.whereis("b")

    old, new = Scheduler().run(main)
    assert seen.text().endswith(
        f"b {old} was linked to {'cook' if named else 'Server'} and ended with it: ValueError('no'); "
        f"shop (one_for_all) restarted b {new}, and with it a; 2 of 3 restarts left in 5 s"
    )


def test_who_ended_by_a_signal_of_a_linked_process_did_not_end_with_it(seen: Any) -> None:
    async def main() -> Any:
        await Supervisor.start_link_children(servers("a"), name="shop")
        other = await Server.start(1, name="cook")
        old = otp.whereis("a")
        await Server.call(old, partial(otp.link, other))
        await Server.call(other, partial(otp.exit, old, "boom"))
        await ended(old)
        return old

    old = Scheduler().run(main)
    assert any(f"a {old} crashed: boom; shop " in seen.text(index) for index in range(len(seen.records)))


def test_each_decision_has_its_record(seen: Any) -> None:
    class Once(Server):
        @impl
        def init(self, arg: Any) -> Any:
            arg.append(1)
            return Ok(1) if len(arg) != 2 else Stop("not yet")

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        for options, flags in [
            ({"restart": "temporary"}, {}),
            ({"restart": "temporary", "significant": True}, {"auto_shutdown": "any_significant"}),
            ({}, {"max_restarts": 0}),
        ]:
            sup = await Supervisor.start_link_children(servers("a", **options), **flags)
            old = otp.whereis("a")
            otp.exit(old, "boom")
            await ended(old)
            if otp.is_alive(sup):
                await Supervisor.stop(sup)
        sup = await Supervisor.start_link_children([Once.child_spec(otp.Shared([]), name="once")])
        otp.exit(otp.whereis("once"), "boom")
        await wait_all_idle()
        otp.send(sup, "what?")
        await wait_all_idle()
        with pytest.raises(otp.StartError):
            await Supervisor.start_link_children([ChildSpec("no", (lambda: None,))])

    Scheduler().run(main)
    assert [
        "not_restarted", "auto_shutdown", "ended", "gave_up", "retries", "restarted", "dropped", "not_started",
    ] == [fields["otp_decision"] for fields in decisions(seen)]  # fmt: skip


def test_a_child_is_called_by_its_registered_name_and_a_supervisor_without_one_by_its_class(seen: Any) -> None:
    async def main() -> Any:
        above = await Supervisor.start_link_children([Server.child_spec(1, id="keeper", name="ledger")])
        old = otp.whereis("ledger")
        otp.exit(old, "boom")
        await ended(old)
        return old, above, otp.whereis("ledger")

    old, above, new = Scheduler().run(main)
    assert seen.text().startswith(
        f"ledger {old} crashed: boom; Supervisor {above} (one_for_one) restarted ledger {new}"
    )


@pytest.mark.parametrize(("restart", "reported"), [("permanent", ["stopped"]), ("transient", []), ("temporary", [])])
def test_a_normal_end_of_a_child_that_is_asked_to_stop_is_reported_of_a_permanent_one(
    restart: Any, reported: list[str], seen: Any
) -> None:
    async def child() -> None:
        otp.process_flag("trap_exit", True)
        await otp.receive(otp.ExitSignal)

    async def main() -> None:
        above = await Supervisor.start_link_children([ChildSpec("a", (otp.spawn_link, child), restart=restart)])
        await wait_all_idle()
        await Supervisor.terminate_child(above, "a")

    Scheduler().run(main)
    assert [fields["otp_decision"] for fields in decisions(seen)] == reported


@pytest.mark.parametrize("significant", [False, True])
def test_a_normal_end_of_a_transient_child_is_not_reported_and_the_page_does_not_say_so(
    significant: bool, seen: Any
) -> None:
    """Source: OTP's `supervisor.erl`, `do_restart`, which reports such an end only of a permanent child."""

    async def main() -> None:
        flags: Any = {"auto_shutdown": "any_significant"} if significant else {}
        otp.process_flag("trap_exit", True)
        await Supervisor.start_link_children(servers("a", restart="transient", significant=significant), **flags)
        old = otp.whereis("a")
        await Server.stop(old)
        await ended(old)

    Scheduler().run(main)
    assert [] == decisions(seen)
    for decision in ("not_restarted", "auto_shutdown"):
        (row,) = re.findall(rf"^\| `{decision}` .*", PAGE.read_text(), re.MULTILINE)
        assert "`temporary` child failed" in row and "transient" not in row


@pytest.mark.parametrize("above", [Supervisor, DynamicSupervisor])
@pytest.mark.parametrize("restart", ["permanent", "temporary"])
def test_the_end_of_a_child_says_whether_it_could_report_it_itself(above: Any, restart: Any, seen: Any) -> None:
    async def main() -> None:
        starts = {
            Supervisor: lambda: Supervisor.start_link_children([]),
            DynamicSupervisor: DynamicSupervisor.start_link,
        }
        ends: list[tuple[Any, list[bool]]] = [
            (lambda pid: otp.exit(pid, "kill"), [True]),
            (lambda pid: otp.exit(pid, "boom"), [True]),
            (lambda pid: otp.exit(pid, "shutdown"), [False] if restart == "permanent" else []),
            (lambda pid: Server.cast(pid, "go"), [False]),
        ]
        for end, signalled in ends:
            sup = await starts[above]()
            pid = await above.start_child(sup, Server.child_spec(1, restart=restart))
            seen.records.clear()
            end(pid)
            await ended(pid)
            assert signalled == [fields["otp_signalled"] for fields in decisions(seen)]
            await Supervisor.stop(sup)

    Scheduler().run(main)


class Answers(Server):
    """Its argument is what `init` answers, one after the other."""

    @impl
    def init(self, arg: Any) -> Any:
        return arg.pop(0)


def answering(id: str, *answers: Any, **options: Any) -> ChildSpec:
    return Answers.child_spec(otp.Shared(list(answers)), id=id, name=id, **options)


def signalled(seen: Any) -> list[tuple[str, str | None]]:
    return [(each["otp_decision"], each["otp_child"]) for each in decisions(seen) if each.get("otp_signalled")]


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "dynamic"])
def test_who_was_killed_stands_in_the_log_though_its_restart_is_ignored(strategy: Any, seen: Any) -> None:
    async def main() -> str:
        if strategy == "dynamic":
            sup = await DynamicSupervisor.start_link()
        else:
            sup = await Supervisor.start_link_children([], strategy=strategy)
        above = DynamicSupervisor if strategy == "dynamic" else Supervisor
        old = await above.start_child(sup, answering("v", Ok(1), Ignore()))
        otp.exit(old, "kill")
        await ended(old)
        return str(old)

    old = Scheduler().run(main)
    (fields,) = decisions(seen)
    assert ("not_restarted", old, True) == (fields["otp_decision"], fields["otp_old_pid"], fields["otp_signalled"])
    assert seen.text().endswith(f"{old} was killed; its restart was ignored")


@pytest.mark.parametrize(("names", "decision"), [("kv", "ended"), ("vk", "restarted")])
def test_who_was_killed_stands_in_the_log_once_though_another_one_fails_to_restart(
    names: str, decision: str, seen: Any
) -> None:
    """The restart that is retried and reported is that of the other one."""

    async def main() -> None:
        children = {"k": answering("k", Ok(1), Stop("not yet"), Ok(1)), "v": answering("v", Ok(1), Ok(1), Ok(1))}
        await Supervisor.start_link_children([children[name] for name in names], strategy="one_for_all")
        old = otp.whereis("v")
        otp.exit(old, "kill")
        await ended(old)
        assert otp.whereis("v") and otp.whereis("k")

    Scheduler().run(main)
    assert [(decision, "'v'"), ("retries", "'k'"), ("restarted", "'k'")] == [
        (fields["otp_decision"], fields["otp_child"]) for fields in decisions(seen)
    ]
    assert [(decision, "'v'")] == signalled(seen)


def test_who_could_not_be_restarted_and_for_whom_a_supervisor_gave_up_is_told_by_its_last_name(seen: Any) -> None:
    """Regression: the id was told."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        answers = otp.Shared([Ok(1), Stop("not yet"), Stop("not yet")])
        children = [Answers.child_spec(answers, id="flaky_id", name="flaky")]
        above = await Supervisor.start_link_children(children, max_restarts=1, name="shop")
        otp.exit(otp.whereis("flaky"), "kill")
        await otp.wait_down(above)

    Scheduler().run(main)
    texts = [seen.text(index) for index in range(len(seen.records)) if "shop" in seen.text(index)]
    assert any("shop could not restart flaky" in text for text in texts), texts
    assert any("shop gave up" in text and "flaky" in text for text in texts), texts
    assert not any("flaky_id" in text for text in texts), texts


def test_one_that_never_ran_is_restarted_with_its_group_and_told(seen: Any) -> None:
    """It has no end to report: reporting it raised in the supervisor, which ended with it."""

    async def main() -> bool:
        children = [answering("k", Ignore(), Stop("not yet"), Ok(1)), answering("v", Ok(1), Ok(1), Ok(1))]
        above = await Supervisor.start_link_children(children, strategy="one_for_all")
        old = otp.whereis("v")
        otp.exit(old, "kill")
        await ended(old)
        return otp.is_alive(above)

    assert Scheduler().run(main)
    assert [("ended", "'v'")] == signalled(seen)


def test_a_dynamic_child_has_no_id(seen: Any) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(name="many")
        pid = await DynamicSupervisor.start_child(sup, Server.child_spec(1))
        otp.exit(pid, "boom")
        await ended(pid)

    Scheduler().run(main)
    (fields,) = decisions(seen)
    assert (fields["otp_decision"], fields["otp_child"], fields["otp_name"]) == ("restarted", None, "many")
    assert "restarted child <0." in seen.text()


def test_the_page_lists_the_fields_that_there_are(seen: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        await test_program(Server)

    async def test_program(cls: Any) -> None:
        sup = await Supervisor.start_link_children([cls.child_spec(1, name="x")], max_restarts=1)
        for _ in "12":
            pid = otp.whereis("x")
            cls.cast(pid, "go")
            await ended(pid)
        await ended(sup)
        sup = await Supervisor.start_link_children([cls.child_spec(1, name="x", restart="temporary")])
        otp.send(sup, "what?")
        otp.exit(otp.whereis("x"), "boom")
        await wait_all_idle()

    Scheduler().run(main)
    crash, decision = PAGE.read_text().split("### A decision")
    assert names_of(crash) == set(seen.fields(0))
    assert names_of(decision) == {name for fields in decisions(seen) for name in fields} | {"otp_decision"}


def names_of(page: str) -> set[str]:
    rows: list[str] = re.findall(r"^\| (`otp_[^|]*) \|", page, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(otp_\w+)`", row)}
