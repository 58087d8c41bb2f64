"""Access to own things only: every operation for every role, on own things and on those of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from owned_things import attaching, call, make_owned, make_sandbox, user
from superlearner.nodes.nodes import WatchedNode
from superlearner.operations.declaration import THINGS, Operation
from superlearner.operations.engine.registry import all_operations
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.users import ROLES, Scope, User
from superlearner.store import Recording
from superlearner.teaching.manual import Manual

Inside = Callable[..., Any]
OPERATIONS = tuple(all_operations())
PLATFORM = {
    "analytics.stored", "application.start", "application.stop", "application.restart", "audit.list",
    "cluster.anomalies", "cluster.add", "cluster.cut", "cluster.disconnect", "cluster.drain", "cluster.end_simulation",
    "cluster.events", "cluster.export", "cluster.fail", "cluster.forget", "cluster.groups", "cluster.heal",
    "cluster.health", "cluster.map", "cluster.moves", "cluster.names", "cluster.node_info", "cluster.partition",
    "cluster.ping", "cluster.processes", "cluster.registries", "cluster.registry", "cluster.restart",
    "cluster.restarts", "cluster.simulate", "cluster.simulation", "cluster.start_child", "cluster.supervisor",
    "cluster.supervisors", "cluster.terminate_child", "cluster.topology", "cluster.trees",
    "node.attach", "node.attached", "node.detach", "settings.changes", "settings.file", "settings.get", "settings.list",
    "settings.reload", "settings.reset", "settings.set", "settings.update", "store.backup", "store.compact",
    "store.delete", "store.export", "store.info", "token.create", "token.list", "token.revoke", "user.add",
    "course.end_lesson", "course.learner", "course.learners",
    "user.link", "user.links", "user.list", "user.quota", "user.remove", "user.role", "user.sign_out",
}  # fmt: skip
"""Operations on the platform itself: not for learners, whatever they name."""
OTHERS = {
    "everyone": {
        "arsenal.docs", "arsenal.operations", "arsenal.whoami", "docs.list", "docs.page", "docs.search",
        "game.answer", "game.export", "game.level", "sandbox.templates", "sandbox.walls", "system.health",
    },
    "user": {
        "course.check", "course.export", "course.hint", "course.import", "course.lesson", "course.next",
        "course.measure", "course.picture", "course.predict", "course.progress", "course.reflect", "course.reset",
        "course.review", "course.sessions",
        "course.solution",
        "log.list", "node.list", "recording.list", "recording.load", "sandbox.create", "sandbox.list", "user.usage",
    },
    "events": {"events.stream"},
}  # fmt: skip
"""Operations that name no thing with an owner. All others name a node, a sandbox or a recording."""
FOREIGN = {"node": "missing_scope", "events": "missing_scope", "sandbox": "missing_scope",
           "recording": "recording_not_found"}  # fmt: skip
STRICTER = {
    "node.attach", "token.create", "token.revoke", "user.add", "user.link", "user.quota", "user.remove", "user.role",
    "user.sign_out",
}  # fmt: skip
"""Operations that refuse teachers what their example asks for, which their own tests show."""
TYPED: dict[str, Scope] = {"sandbox.source": "code"}
"""Operations that take `read` for built-in code only; code that a user typed, as here, takes this scope."""
VALUES: dict[str, dict[str, Any]] = {
    "recording.load": {"content": "AAAA"},
    "sandbox.create": {"source": None, "demo": "demo_one_for_one", "sandbox_id": "new"},
    "system.topology": {"watch_ms": 0},
}
MANUAL = Manual()
NEW = {"recording.start", "recording.load", "trace.save"}
"""Operations whose parameter `name` names a new recording."""


def test_every_operation_says_what_its_result_belongs_to() -> None:
    """A new operation on the platform, or for everyone, belongs into one of the tables; others take their thing."""
    assert {one.name for one in OPERATIONS if one.of == "platform"} == PLATFORM
    for of, names in OTHERS.items():
        assert {one.name for one in OPERATIONS if one.of == of} == names
    for one in OPERATIONS:
        assert (one.of == "node") <= one.on_node, one.name
        named = {parameter.name: parameter.picker for parameter in one.parameters}
        for of, parameter in THINGS.items():
            assert (one.of == of) == (named.get(parameter) == of), one.name


def expected(operation: Operation, who: User, *, own: bool) -> str:
    """Return the code of the refusal that is due; "" for none."""
    if operation.of == "everyone" and operation.on_node and who.role == "learner":
        return "" if own else FOREIGN["node"]
    if operation.of == "everyone" or TYPED.get(operation.name, operation.scope) in who.scopes:
        return ""
    if who.role != "learner" or operation.of == "platform":
        return "missing_scope"
    return "" if own or operation.of == "user" else FOREIGN[operation.of]


async def tried(platform: Any, operation: Operation, who: User, of: str) -> tuple[str, str]:
    """Call an operation on things of a user; return the code of its refusal, and all that it said."""
    given = {**VALUES.get(operation.name, {}), **({THINGS[operation.of]: of} if operation.of in THINGS else {})}
    if operation.name in NEW:
        given["name"] = "new"
    node = of if operation.on_node else None
    try:
        answer = await call(platform, operation.name, who, node=node, dry_run=operation.changes, **given)
    except OperationError as error:
        said = json.dumps([error.message, *map(asdict, error.details)])
        refused = error.code == "missing_scope" or error.message.startswith("there is no recording ")
        return error.code if refused else "", said
    if answer.stream is not None:
        answer.stream.source.close()
    return "", json.dumps(answer.data, default=str)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_what_it_may_and_learners_nothing_of_others(
    inside: Inside, nodes_here: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: Any
) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        platform.manual, platform.openapi = MANUAL, dict  # each platform would make its own, in seconds
        platform.sandboxes.launcher = attaching(nodes_here, platform)
        who, other = user("ada", role), user("zelda", "learner", 2)
        if role != "viewer":
            await make_owned(platform, who)
        await make_owned(platform, other)
        wrong: list[str] = []
        for operation in OPERATIONS:
            if role == "teacher" and operation.name in STRICTER:
                continue
            for own in (True, False) if role != "viewer" else (False,):
                of = "of_ada" if own else "of_zelda"
                due = expected(operation, who, own=own)
                before = platform.audit.entries()[-1:]
                monkeypatch.setattr(platform.audit, "_refused", {})  # all are logged, however many a minute
                code, said = await tried(platform, operation, who, of)
                entries = platform.audit.entries(before[0].number if before else 0)
                if code and (who.name, operation.name, code) not in {(e.user, e.operation, e.outcome) for e in entries}:
                    wrong.append(f"{operation.name} {own=}: {code} is not in the audit log")
                if code != due:
                    wrong.append(f"{operation.name} {own=}: {due=} {code=} {said[:200]}")
                if role == "learner" and own and "zelda" in said:
                    wrong.append(f"{operation.name} shows {said[max(0, said.find('zelda') - 50) :][:150]}")
                if role == "learner" and not own and operation.of in FOREIGN and operation.of != "sandbox":
                    unknown = await tried(platform, operation, who, "of_zilda")
                    if (code, said.replace("of_zelda", "of_zilda")) != unknown:
                        wrong.append(f"{operation.name}: {said} differs from {unknown}")
        assert not wrong, "\n".join(wrong)

    inside(test, data_dir=tmp_path)


def test_things_without_an_owner_are_not_for_learners(inside: Inside, tmp_path: Path) -> None:
    """Recordings from before there were owners, and the platform's own node."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        await platform.store.records.add_recording(Recording("old", "recorded", "recordings/old", 1.0))
        ada, tim = user("ada", "learner"), user("tim", "teacher")
        with pytest.raises(OperationError, match="there is no recording 'old'"):
            await call(platform, "recording.delete", ada, name="old")
        with pytest.raises(
            OperationError, match=r"process.list on the node .superlearner@127\.0\.0\.1. needs the scope"
        ):
            await call(platform, "process.list", ada, node=platform.node.name)
        assert (await call(platform, "recording.delete", tim, name="old")).data["deleted"]

    inside(test, data_dir=tmp_path)


def test_the_default_node_of_a_learner_is_a_home_of_their_own(inside: Inside, nodes_here: Any) -> None:
    """It starts once, when it is first needed, and again after its end."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        platform.sandboxes.launcher = launcher = attaching(nodes_here, platform)
        ada, bob = user("ada", "learner", 7), user("bob", "learner", 8)
        assert (await call(platform, "sandbox.list", ada)).data == []
        names = [one["name"] for one in (await call(platform, "supervisor.list", ada)).data]
        assert {"demo_one_for_one", "shop"} <= set(names)
        await call(platform, "process.kill", ada, pid="counter_1")
        assert [one["id"] for one in (await call(platform, "sandbox.list", ada)).data] == ["home-ada-7"]
        await call(platform, "supervisor.list", bob)
        assert len(launcher.programs) == 2
        assert [one["name"] for one in (await call(platform, "node.list", ada)).data] == [
            "sandbox-home-ada-7@127.0.0.1"
        ]
        await call(platform, "sandbox.destroy", ada, sandbox_id="home-ada-7")
        await call(platform, "supervisor.list", ada)
        assert len(launcher.programs) == 3
        await call(platform, "sandbox.destroy", ada, sandbox_id="home-ada-7")
        await call(platform, "supervisor.list", ada, node="sandbox-home-ada-7@127.0.0.1")
        assert len(launcher.programs) == 4, "the same by its name"
        with pytest.raises(OperationError, match="expected another beginning than home-"):
            await call(platform, "sandbox.create", ada, sandbox_id="home-bob-8", source=None, demo="shop")

    inside(test)


def test_the_node_of_a_process_is_told_to_those_who_see_the_node(inside: Inside, nodes_here: Any) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        platform.sandboxes.launcher = attaching(nodes_here, platform)
        ada, zelda = user("ada", "learner"), user("zelda", "learner", 2)
        await make_sandbox(platform, zelda)
        pid = (await call(platform, "process.info", zelda, node="of_zelda", pid="printer_1")).data["pid"]
        await call(platform, "registry.unregister", zelda, node="of_zelda", name="printer_1")
        await call(platform, "registry.register", zelda, node="of_zelda", pid=pid, name="till")
        for who, node in ((zelda, "of_zelda"), (user("tim", "teacher", 3), "of_zelda"), (ada, None)):
            with pytest.raises(OperationError, match="there is no process 'till'") as unknown:
                await call(platform, "process.info", who, pid="till")
            assert ("; it is on sandbox-of_zelda@127.0.0.1" in unknown.value.message) is (node is not None), who.name
        assert not [entry for entry in platform.audit.entries() if entry.user == "ada"], "nothing was refused"

    inside(test)


def test_a_refusal_tells_nothing_about_recordings_of_others(inside: Inside, nodes_here: Any, tmp_path: Path) -> None:
    """Learners see their own entries of the audit log as events."""

    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync()
        platform.sandboxes.launcher = attaching(nodes_here, platform)
        ada, zelda = user("ada", "learner"), user("zelda", "learner", 2)
        await make_owned(platform, zelda)
        for name in ("of_zelda", "of_nobody"):
            with pytest.raises(OperationError):
                await call(platform, "recording.show", ada, name=name)
        entries = [entry for entry in platform.audit.entries() if entry.user == "ada"]
        assert [(one.operation, one.parameters["name"], one.outcome) for one in entries] == [
            ("recording.show", "of_zelda", "recording_not_found"),
            ("recording.show", "of_nobody", "recording_not_found"),
        ]
        with pytest.raises(OperationError, match="there is no recording"):
            await call(platform, "recording.show", user("tim", "teacher"), name="of_nobody")
        assert platform.audit.entries()[-1].user == "ada", "a mistake is no refusal"

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("events.stream")
def test_a_learner_follows_events_of_the_platform_only_about_themselves(inside: Inside, nodes_here: Any) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        platform.sandboxes.launcher = attaching(nodes_here, platform)
        ada, eve = user("ada", "learner"), user("eve", "learner", 2)
        home = platform.node.name
        assert isinstance(platform.nodes.find(home), WatchedNode)
        stream = (await call(platform, "events.stream", ada, node=home)).stream
        for who in (eve, ada):
            await call(platform, "sandbox.create", who, sandbox_id=f"of_{who.name}", demo="shop", source=None)
        await call(platform, "process.kill", user("tim", "teacher"), pid="counter_1")
        events = [event.fields() for event in await stream.source.more(100, 1)]
        stream.source.close()
        assert {event["data"].get("user") or event["data"]["owner"] for event in events} == {"ada"}
        assert {"operation_done", "sandbox"} == {event["type"] for event in events}

    inside(test)
