"""The sandboxes and Runs of a class, as its teacher sees them: what runs, what crashes, whose code does not run."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asked_restarts import next_row
from asked_sandboxes import SOURCE
from owned_things import call, user
from superlearner.operations.failures import OperationError
from superlearner.sandbox.record import Configuration, Sandbox, node_of_sandbox
from superlearner.store import MomentRow

Inside = Callable[..., Any]
TEACHER = user("tina", "teacher", 3)
NO_CRASHES = {"crashes": 0, "crash": None, "crashed_at": None}
ADA = user("ada", "learner")


@pytest.mark.operation("course.learners")
def test_a_teacher_sees_whose_sandbox_has_ended_and_why(inside: Inside, tmp_path: Path) -> None:
    """Regression: a learner whose tree had given up looked in the class as if they did nothing."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        fleet = platform.sandboxes.fleet
        for id, owner, more in (
            ("older", "ada", {"created_at": 2.0}),
            ("stopped", "ada", {"created_at": 4.0, "status": "ended", "reason": "ada stopped it", "ended_at": 12.0}),
            ("shop", "ada", {"status": "ended", "reason": "Main gave up", "ended_at": 9.0}),
            ("workbench-12-ada", "ada", {}),
            ("home-ada", "ada", {"created_at": 9.0}),
            ("other", "ben", {}),
        ):
            made = {"created_at": 5.0} | more
            fleet = fleet.put(Sandbox(id, owner, node_of_sandbox(id), Configuration("source"), **made))
        platform.sandboxes.fleet = fleet
        (ada,) = (await call(platform, "course.learners", TEACHER)).data
        assert ada["sandboxes"] == [
            {"id": "shop", "status": "ended", "reason": "Main gave up", "at": 9.0, **NO_CRASHES},
            {"id": "stopped", "status": "ended", "reason": "ada stopped it", "at": 12.0, **NO_CRASHES},
            {"id": "older", "status": "starting", "reason": None, "at": 2.0, **NO_CRASHES},
        ]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.learners")
def test_a_teacher_sees_a_sandbox_that_runs_and_crashes(inside: Inside, tmp_path: Path) -> None:
    """Regression: the class showed no crashes of a program that was still running."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")
        node = node_of_sandbox("shop")
        made = Sandbox("shop", "ada", node, Configuration("source"), created_at=2.0, status="running", started_at=5.0)
        platform.sandboxes.fleet = platform.sandboxes.fleet.put(made)
        for number, at, line, count in (
            (1, 4.0, "counter crashed and was restarted", 1),  # with the code before
            (2, 6.0, "counter crashed and was restarted", 1),
            (3, 7.0, "counter crashed and was restarted twice more", 2),
            (4, 8.0, "counter was killed and restarted", 1),
        ):
            platform.moments._add(MomentRow(node, "9f3a0c1b22d4", number, number, at, at, line, count))
        (ada,) = (await call(platform, "course.learners", TEACHER)).data
        fell = {"crashes": 3, "crash": "counter crashed and was restarted twice more", "crashed_at": 7.0}
        assert ada["sandboxes"] == [{"id": "shop", "status": "running", "reason": None, "at": 2.0, **fell}]
        last = MomentRow(node, "9f3a0c1b22d4", 5, 5, 9.0, 9.0, "Main gave up", cause="KeyError main.py:15 in init")
        platform.moments._add(last)
        (ada,) = (await call(platform, "course.learners", TEACHER)).data
        assert (ada["sandboxes"][0]["crashes"], ada["sandboxes"][0]["crash"]) == (4, "Main gave up (main.py:15)")
        back = replace(made, ran_at=8.5)  # an earlier version runs from then on, so only later crashes count
        platform.sandboxes.fleet = platform.sandboxes.fleet.put(back)
        (ada,) = (await call(platform, "course.learners", TEACHER)).data
        assert ada["sandboxes"][0]["crashes"] == 1

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.learners")
def test_a_teacher_sees_whose_code_does_not_run_and_why(inside: Inside, tmp_path: Path) -> None:
    """Regression: the row of a learner whose every run failed was empty, and a crash had no reason."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.accounts.add("ada", "learner")

        async def run(source: str, operation: str = "sandbox.create") -> None:
            more = {"version": None} if operation == "sandbox.hot_reload" else {"demo": None}
            await call(platform, operation, ADA, sandbox_id="jar", source=source, **more)

        async def failed() -> Any:
            (ada,) = (await call(platform, "course.learners", TEACHER)).data
            return ada["failed_runs"] and (ada["failed_runs"]["runs"], ada["failed_runs"]["why"])

        assert await failed() is None
        for _ in range(2):
            with pytest.raises(OperationError):
                await run("x = 1\nif x\n    pass\n")
        await call(platform, "sandbox.create", ADA, dry_run=True, sandbox_id="jar", source=SOURCE, demo=None)
        assert await failed() == (2, "line 2, column 5: expected ':' after if x")
        with pytest.raises(OperationError):
            await run(f"{SOURCE}\nmissing\n")
        count, why = await failed()
        assert (count, "NameError" in why, "main.py:2" in why) == (3, True, True)
        await run(SOURCE)
        assert await failed() is None
        with pytest.raises(OperationError):
            await run(f"{SOURCE}\nmissing\n", "sandbox.hot_reload")
        assert (await failed())[0] == 1
        await run(SOURCE.replace("return NoReply(n + 1)", "return NoReply(n // 0)"), "sandbox.hot_reload")
        assert await failed() is None
        kept = next_row(inside_)
        await call(platform, "process.message", ADA, pid="counter", node="jar", message="tick", message_type="cast")
        await kept
        crash = (await call(platform, "course.learners", TEACHER)).data[0]["sandboxes"][0]["crash"]
        assert re.fullmatch(r"counter crashed and was restarted: ZeroDivisionError\(.*\) \(main\.py:\d+\)", crash), (
            crash
        )

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("course.learners")
def test_only_what_the_code_of_a_learner_causes_is_a_failed_run(inside: Inside, tmp_path: Path) -> None:
    """Regression: a wrong version, a broken demo and the end of a lesson counted, and a demo that ran ended the row."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        row = await platform.accounts.add("ada", "learner")

        async def run(operation: str, **given: Any) -> None:
            with contextlib.suppress(OperationError):
                await call(platform, operation, ADA, **given)

        def failed() -> int:
            found = platform.sandboxes.failed_runs.get("ada")
            return 0 if found is None else found.runs

        await call(platform, "sandbox.create", ADA, sandbox_id="jar", source=SOURCE, demo=None)
        await run("sandbox.hot_reload", sandbox_id="jar", source=None, version=9)
        assert failed() == 0
        await run("sandbox.hot_reload", sandbox_id="jar", source="if", version=None)
        assert failed() == 1
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("superlearner.operations.builtin.sandboxes.ask", refuse)
            await run("sandbox.create", sandbox_id="made", demo="shop")
            await run("sandbox.create", sandbox_id="made", template="counter", demo=None)
            assert failed() == 1
            await run("sandbox.restart", sandbox_id="jar")
            assert failed() == 2
        await call(platform, "sandbox.create", ADA, sandbox_id="made", template="counter", demo=None)
        assert failed() == 2
        kept = asyncio.get_running_loop().create_future()
        platform.sandboxes.changed = lambda: (
            None if "jar" in platform.sandboxes.fleet.sandboxes else (kept.done() or kept.set_result(None))
        )
        await platform.accounts.remove(row)
        await kept
        assert failed() == 0
        platform.sandboxes.note_run("ada", "a request that was under way")
        assert failed() == 0

    inside(test, data_dir=tmp_path)


async def refuse(*_: Any) -> None:
    raise OperationError("start_failed", "it does not start")


@pytest.mark.operation("course.learners")
def test_the_crashes_of_a_whole_class_are_read_at_once(inside: Inside, tmp_path: Path) -> None:
    """Regression: each look at the class read the store once for each sandbox with a crash."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        for name in ("ada", "ben", "cy"):
            await platform.accounts.add(name, "learner")
            node = node_of_sandbox(name)
            made = Sandbox(name, name, node, Configuration("source"), created_at=2.0, status="running", started_at=5.0)
            platform.sandboxes.fleet = platform.sandboxes.fleet.put(made)
            if name != "cy":
                platform.moments._add(MomentRow(node, "9f3a0c1b22d4", 7, 7, 6.0, 6.0, f"{name} crashed", 1))
        reads: list[list[str]] = []
        read = platform.moments.read_replays

        async def counted(rows: list[MomentRow]) -> list[MomentRow]:
            reads.append([row.line for row in rows])
            return await read(rows)

        platform.moments.read_replays = counted
        shown = (await call(platform, "course.learners", TEACHER)).data
        assert [one["sandboxes"][0]["crash"] for one in shown] == ["ada crashed", "ben crashed", None]
        assert [sorted(lines) for lines in reads] == [["ada crashed", "ben crashed"]]

    inside(test, data_dir=tmp_path)
