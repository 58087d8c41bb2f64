"""Give-ups in explanations, lists and anomalies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

import otp
from ended_processes import Pricer, ReturnsItsState
from otp import Agent, Children, DynamicSupervisor, GenServer, Ok, Supervisor, impl
from superlearner.control.terms import plain_pid

Inside = Callable[..., Any]


class Refused(GenServer):
    """A server whose first start succeeds."""

    starts: ClassVar[int] = 0

    @impl
    def init(self, arg):
        Refused.starts += 1
        if Refused.starts > 1:
            raise ConnectionRefusedError("no mail")
        return Ok(None)


class Post(Supervisor):
    @impl
    def init(self, arg):
        return Children([Refused.child_spec(0, id="letters", name="letters")])


class Core(Supervisor):
    @impl
    def init(self, arg):
        return Children([ReturnsItsState.child_spec(0, id="pricer", name="pricer")], strategy="rest_for_one")


class Root(Supervisor):
    @impl
    def init(self, arg):
        return Children([Core.child_spec(0, id="core", name="core"), Post.child_spec(0, id="office", name="office")])


@pytest.mark.operation("error.why", "restart.list", "restart.show")
def test_a_give_up_is_one_story_for_child_supervisor_and_restart(inside: Inside) -> None:
    """Regression: the list said that tree gave up, the restart that post did; the child's answer named neither."""

    async def test(platform: Any) -> None:
        Refused.starts = 0
        root = await platform.node.start(Root, None, name="tree")
        otp.exit(platform.node.whereis("letters"), "bounced")
        await otp.wait_down(root)
        platform.platform.moments.catch_up()
        listed = (await platform.get("/api/v1/restarts"))["data"][0]
        moment = (await platform.get(f"/api/v1/restarts/{listed['ref']}"))["data"]
        shown, top = moment["facts"], moment["root"]
        flags = [(one["name"], one["strategy"], one["limit"]) for one in (top, *top["children"])]
        assert flags == [  # none of them runs, and core has never restarted anything
            ("tree", "one_for_one", [3, 5.0]), ("core", "rest_for_one", [3, 5.0]), ("office", "one_for_one", [3, 5.0]),
        ]  # fmt: skip
        why = {one: (await platform.get(f"/api/v1/processes/{one}/errors/why"))["data"] for one in ("letters", "tree")}
        assert (listed["line"], shown["what"]) == ("office and tree gave up",) * 2
        assert listed["supervisor"] == "office"
        assert listed["reason"] == "its child letters did not start: ConnectionRefusedError('no mail')"
        assert " in init" in listed["where"]
        assert shown["budget"] == "0 of 3 restarts left in 5 s"
        assert listed["story"] == (
            "office gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed (last: it could not restart "
            f"letters: ConnectionRefusedError('no mail'), at {listed['where']}); tree gave up after it"
        )
        assert shown["gave_up"] == listed["story"]
        assert why["letters"]["summary"] == why["tree"]["summary"].replace("\nit is not", "\nletters is not")
        assert (
            "tree gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed" in why["letters"]["summary"]
        )

    inside(test)


def above(name: str, below: type, child: str) -> type[Supervisor]:
    """Return the class of a supervisor with one child and no restarts."""

    class Above(Supervisor):
        @impl
        def init(self, arg):
            return Children([below.child_spec({}, id=child, name=child)], max_restarts=0)

    return Above


@pytest.mark.operation("error.why", "restart.list", "restart.show", "system.anomalies")
def test_supervisors_that_give_up_one_after_the_other_are_one_event_on_every_surface(inside: Inside) -> None:
    """Regression: the limit was told once for each of them, and pages named the lowest, lists the highest."""

    async def test(platform: Any) -> None:
        price_sup = above("price_sup", Pricer, "pricer")
        core = above("core", price_sup, "price_sup")
        root = await platform.node.start(above("root", core, "core"), None, name="root")
        GenServer.cast(("pricer", platform.node), "tax")
        await otp.wait_down(root)
        platform.platform.moments.catch_up()
        await platform.platform.monitor.sample()
        crash = (
            f"KeyError('tax'), at ended_processes.py:{Pricer.handle_cast.__code__.co_firstlineno + 2} in handle_cast"
        )
        fell = f"price_sup gave up: it allows no restarts (last: pricer crashed: {crash})"
        after = "core and root gave up after it"
        listed = (await platform.get("/api/v1/restarts"))["data"][0]
        facts = (await platform.get(f"/api/v1/restarts/{listed['ref']}"))["data"]["facts"]
        assert (listed["line"], facts["what"]) == ("price_sup, core and root gave up",) * 2
        assert (listed["story"], facts["gave_up"]) == (f"{fell}; {after}",) * 2
        assert (listed["supervisor"], listed["fallen"]) == ("price_sup", ["price_sup", "core", "root"])
        for one, state in (("pricer", "pricer is not running"), ("root", "it is not running")):
            summary = (await platform.get(f"/api/v1/processes/{one}/errors/why"))["data"]["summary"]
            assert summary.endswith(f"(last: pricer crashed: KeyError('tax'))\n{after}\n{state}")
        found = (await platform.get("/api/v1/system/anomalies"))["data"]["anomalies"]
        assert [one["description"] for one in found] == [
            f"price_sup gave up and is not running: pricer crashed: {crash}; {after}, and are not running either"
        ]

    inside(test)


@pytest.mark.operation("system.anomalies")
def test_a_supervisor_that_failed_to_start_after_its_give_up_is_not_running(inside: Inside) -> None:
    """Regression: "office gave up: …; tree gave up after it, and is not running either"."""

    async def test(platform: Any) -> None:
        Refused.starts = 0

        class Office(Supervisor):
            @impl
            def init(self, arg):
                stamps = Agent.child_spec(int, id="stamps", name="stamps")
                return Children([stamps, Refused.child_spec(0, id="letters", name="letters")])

        class Tree(Supervisor):
            @impl
            def init(self, arg):
                return Children([Office.child_spec(0, id="office", name="office")], max_restarts=1)

        root = await platform.node.start(Tree, None, name="tree")
        otp.exit(platform.node.whereis("letters"), "bounced")
        await otp.wait_down(root)
        platform.platform.moments.catch_up()
        await platform.platform.monitor.sample()
        found = (await platform.get("/api/v1/system/anomalies"))["data"]["anomalies"]
        where = f"test_give_ups.py:{Refused.init.__code__.co_firstlineno + 4} in init"
        tried = f"it tried 3 times to start letters; each time it failed: ConnectionRefusedError('no mail'), at {where}"
        assert [one["description"] for one in found] == [
            f"office gave up and is not running: {tried}; tree gave up after it, and is not running either"
        ]

    inside(test)


@pytest.mark.operation("restart.show")
def test_a_give_up_of_a_dynamic_supervisor_names_the_processes_that_it_stopped(inside: Inside) -> None:
    """Regression: it named those that they had replaced, and not the one that had crashed meanwhile."""

    async def test(platform: Any) -> None:
        class Hall(Supervisor):
            @impl
            def init(self, arg):
                return Children([DynamicSupervisor.child_spec(name="pool", id="pool", max_restarts=1)])

        await platform.node.start(Hall, None, name="hall")
        pool = platform.node.whereis("pool")
        first, second, third, fourth = [
            await DynamicSupervisor.start_child(pool, Pricer.child_spec({})) for _ in range(4)
        ]
        for one in (first, second, third):
            otp.exit(one, "kill")
        await otp.wait_down(pool)
        await platform.node.wait_registered("pool")
        platform.platform.moments.catch_up()
        shown = [
            (await platform.get(f"/api/v1/restarts/{one['ref']}"))["data"]
            for one in (await platform.get("/api/v1/restarts?fold=false"))["data"]
        ]
        fell, restart = shown[:2]
        [again] = [one["pid"] for one in restart["events"] if one["kind"] == "start"]
        assert restart["facts"]["supervisor"] == f"pool (dynamic) started Pricer {again}"
        stopped = f"Pricer {plain_pid(fourth)}, then Pricer {again}"
        assert fell["facts"]["supervisor"] == (
            f"pool (dynamic) gave up, stopped {stopped}; meanwhile Pricer {plain_pid(third)} was killed; "
            "hall (one_for_one) started pool"
        )
        assert [one["pid"] for one in fell["events"] if one["kind"] == "stop"] == [plain_pid(fourth), again]

    inside(test)


@pytest.mark.operation("error.why")
def test_a_give_up_of_before_does_not_explain_a_later_end(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        Refused.starts = 0
        office = await platform.node.start(Post, None, name="office")
        otp.exit(platform.node.whereis("letters"), "bounced")
        await otp.wait_down(office)
        Refused.starts = 0
        again = await platform.node.start(Post, None, name="office")
        await Supervisor.stop(again)
        found = (await platform.get("/api/v1/processes/letters/errors/why"))["data"]
        assert "gave up" not in found["summary"]

    inside(test)


class Forever(Supervisor):
    @impl
    def init(self, arg):
        return Children([Agent.child_spec(dict, name="office")], max_restarts=1, max_seconds="infinity")


@pytest.mark.operation("restart.show")
def test_restarts_that_count_for_ever_are_told_without_a_window(inside: Inside) -> None:
    """Regression: it said 1e+09 s."""

    async def test(platform: Any) -> None:
        root = await platform.node.start(Forever, None, name="tree")
        shown: list[Any] = []
        for wait in (Supervisor.count_children, otp.wait_down):
            otp.exit(platform.node.whereis("office"), "kill")
            await wait(root)
            platform.platform.moments.catch_up()
            listed = (await platform.get("/api/v1/restarts"))["data"][0]
            shown.append((await platform.get(f"/api/v1/restarts/{listed['ref']}"))["data"]["facts"])
        assert [one["budget"] for one in shown] == ["0 of 1 restart left"] * 2
        assert "max_restarts=1 allows 1 restart, and a 2nd was needed" in str(shown[1])

    inside(test)
