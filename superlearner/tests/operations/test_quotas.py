"""Quotas of users: each limit reached, refused, freed and raised; only owners raise them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import otp
from open_sockets import OpenSocket
from owned_things import attaching, call, user
from superlearner.nodes.remote.protocol import Attached, Taped
from superlearner.operations.builtin.remote_recordings import RemoteRecorder
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.quotas import TEACHERS
from superlearner.operations.rights.users import ANONYMOUS, OWNER, Role, User
from superlearner.sandbox import SandboxManager
from superlearner.sandbox.happenings import Destroy
from superlearner.sandbox.manager import MANAGER
from superlearner.sandbox.record import Limits
from superlearner.web.pacing import AT_ONCE_S, MOST_OPEN, Pacing
from superlearner.web.recognising import CredentialRefused
from superlearner.web.visitors import Visit, WebVisitor

Inside = Callable[..., Any]
DEMO = {"demo": "demo_one_for_one", "source": None}
OWNERS = replace(OWNER, scopes=OWNER.scopes | {"own"})


class Class:
    """A platform with users, whose sandboxes run in this program."""

    def __init__(self, platform: Any) -> None:
        self.platform = platform
        self.users: dict[str, User] = {"owner": OWNERS}

    async def add(self, name: str, role: Role = "learner") -> None:
        row = await self.platform.accounts.add(name, role)
        self.users[name] = user(name, role, row.id)

    async def do(self, who: str, operation: str, **given: Any) -> Any:
        return (await call(self.platform, operation, self.users[who], **given)).data

    async def refused(self, who: str, operation: str, **given: Any) -> tuple[str, str]:
        """Return the message and the hint of a refusal by a quota."""
        with pytest.raises(OperationError) as refused:
            await self.do(who, operation, **given)
        assert (refused.value.code, refused.value.status) == ("quota_exceeded", 409), refused.value.message
        return refused.value.message, refused.value.details[0].hint or ""

    async def create(self, who: str, id: str, **limits: Any) -> dict[str, Any]:
        return await self.do(who, "sandbox.create", sandbox_id=id, **DEMO, limits=limits)

    async def used(self, who: str, quota: str) -> tuple[Any, Any]:
        lines = (await self.do(who, "user.usage", name=who))["quotas"]
        return next((one["used"], one["most"]) for one in lines if one["name"] == quota)


@pytest.fixture
def school(inside: Inside, nodes_here: Any, tmp_path: Path) -> Inside:
    """`school(test, **settings)` runs `await test(class_)` with the learners ada and bob, and the teacher tim."""

    def run(test: Callable[[Class], Any], **settings: Any) -> Any:
        async def begun(inside_: Any) -> None:
            platform = inside_.platform
            await platform.store.sync(30)
            platform.sandboxes.launcher = attaching(nodes_here, platform)
            class_ = Class(platform)
            for name in ("ada", "bob"):
                await class_.add(name)
            await class_.add("tim", "teacher")
            await test(class_)

        return inside(begun, data_dir=tmp_path, **settings)

    return run


@pytest.mark.operation("sandbox.create", "sandbox.restart")
def test_sandboxes_are_refused_above_the_quota_until_one_is_freed_or_the_owner_raises_it(school: Inside) -> None:
    async def test(class_: Class) -> None:
        await class_.do("ada", "supervisor.list")  # starts the home
        home = class_.platform.sandboxes.all()[0].id
        await class_.create("ada", "a")
        await class_.create("ada", "b")
        assert await class_.used("ada", "sandboxes") == (3, 3)
        message, hint = await class_.refused("ada", "sandbox.create", sandbox_id="c", **DEMO)
        assert message.partition(": ")[0] == "ada has 3 of 3 sandboxes"
        assert set(message.partition(": ")[2].split(", ")) == {home, "a", "b"}
        assert hint == (
            "stop one: DELETE /api/v1/sandboxes/a, or ask the owner for more: "
            "`superlearner user quota ada --sandboxes 4`"
        )
        await class_.create("bob", "d")  # the quota of another one
        lines = {one["name"]: one for one in await class_.do("owner", "user.list")}
        shown = {name: (one["sandboxes"], one["most_sandboxes"]) for name, one in lines.items()}
        assert shown == {"owner": (0, None), "ada": (3, 3), "bob": (1, 3), "tim": (0, 3 * TEACHERS)}
        await class_.do("ada", "sandbox.destroy", sandbox_id="a")
        await class_.create("ada", "c")
        await class_.refused("ada", "sandbox.create", sandbox_id="e", **DEMO)
        await class_.do("owner", "user.quota", name="ADA", sandboxes=4, memory_mb=2048, processes=128)
        await class_.create("ada", "e")
        assert await class_.used("ada", "sandboxes") == (4, 4)
        await class_.do("owner", "user.quota", name="ada", sandboxes=None, recordings=0, defaults=True)
        lines = {one["name"]: one for one in (await class_.do("ada", "user.usage", name="ada"))["quotas"]}
        sources = [lines[name]["source"] for name in ("sandboxes", "memory_mb", "recordings")]
        assert sources == ["default", "default", "user"]

    school(test, quota_sandboxes=3)


def test_of_creates_at_once_only_as_many_run_as_the_quota_allows(school: Inside) -> None:
    async def test(class_: Class) -> None:
        creates = (class_.create("ada", f"a{number}") for number in range(6))
        made = await asyncio.gather(*creates, return_exceptions=True)
        assert [one.code for one in made if isinstance(one, OperationError)] == ["quota_exceeded"] * 4
        assert await class_.used("ada", "sandboxes") == (2, 2)

    school(test, quota_sandboxes=2)


@pytest.mark.operation("user.remove", "token.revoke")
def test_a_user_who_was_removed_meanwhile_starts_no_sandbox(school: Inside) -> None:
    async def test(class_: Class) -> None:
        await class_.do("owner", "token.create", name="ci", scopes=["own"])
        ci = await class_.platform.accounts.find("ci")
        class_.users["ci"] = user("ci", "learner", ci.id)
        await class_.create("ci", "mine")
        await class_.do("owner", "user.remove", name="ada")
        await class_.do("owner", "token.revoke", name="ci")
        for who in ("ada", "ci"):  # requests that passed sign-in before
            for asked in (class_.create(who, "late"), class_.do(who, "supervisor.list")):
                with pytest.raises(OperationError, match=f"the user {who} was removed") as refused:
                    await asked
                assert refused.value.code == "conflict"

    school(test)


def test_sandboxes_end_when_the_last_token_of_their_owner_expires(school: Inside) -> None:
    async def test(class_: Class) -> None:
        platform = class_.platform
        await class_.do("owner", "token.create", name="ci", scopes=["own"], expires_days=1)
        ci = await platform.accounts.find("ci")
        class_.users["ci"] = user("ci", "learner", ci.id)
        await class_.create("ci", "mine")
        await class_.create("ada", "hers")
        runner = platform.sandboxes.runners["mine"]
        platform.accounts.clock.at_least(platform.accounts.clock() + 86_401)
        otp.send(platform.node.whereis(MANAGER), ("look",))
        await otp.wait_down(runner)
        await SandboxManager.ask(Destroy(None, "nobody"), node=platform.node)  # it has been notified by now
        assert [one.id for one in platform.sandboxes.all()] == ["hers"]

    school(test)


def test_a_teacher_who_may_change_nothing_of_others_has_the_quotas_of_a_learner(school: Inside) -> None:
    async def test(class_: Class) -> None:
        await class_.do("owner", "token.create", name="ci", scopes=["read", "own"])
        lines = {one["name"]: one["most_sandboxes"] for one in await class_.do("tim", "user.list")}
        assert (lines["ci"], lines["tim"]) == (3, 3 * TEACHERS)
        assert (await class_.do("tim", "user.link", name="ci"))["user"] == "ci"

    school(test, quota_sandboxes=3)


async def saved(class_: Class) -> str:
    """Return the file of a recording of the platform, as base64."""
    if await class_.platform.recordings.knows("whole") is False:
        await class_.do("owner", "recording.start", name="whole")
        await class_.do("owner", "recording.stop", name="whole")
    return (await class_.do("owner", "recording.export", name="whole"))["content"]


def test_a_home_counts_as_a_sandbox_and_is_refused_like_one(school: Inside) -> None:
    async def test(class_: Class) -> None:
        await class_.create("ada", "a")
        message, _ = await class_.refused("ada", "supervisor.list")
        assert message == "ada has 1 of 1 sandboxes: a"
        await class_.do("ada", "sandbox.destroy", sandbox_id="a")
        await class_.do("ada", "supervisor.list")

    school(test, quota_sandboxes=1)


@pytest.mark.parametrize(("limit", "least", "unit"), [("memory_mb", 64, "MB of memory"), ("processes", 8, "processes")])
def test_limits_of_all_sandboxes_of_a_user_are_added(school: Inside, limit: str, least: int, unit: str) -> None:
    async def test(class_: Class) -> None:
        each = getattr(Limits(), limit)
        await class_.create("ada", "a")
        message, hint = await class_.refused("ada", "sandbox.create", sandbox_id="b", **DEMO)
        assert message == f"the sandboxes of ada have {each} of {each + least} {unit}, and b asks for {each}: a {each}"
        option = f"--{limit.replace('_', '-')} {2 * each}"
        assert hint == (
            f"stop one: DELETE /api/v1/sandboxes/a, or ask the owner for more: `superlearner user quota ada {option}`"
        )
        await class_.create("ada", "b", **{limit: least})
        assert await class_.used("ada", limit) == (each + least, each + least)
        await class_.do("owner", "user.quota", name="ada", **{limit: 3 * each})
        await class_.create("ada", "c")

    school(test, **{f"quota_{limit}": getattr(Limits(), limit) + least})


@pytest.mark.parametrize(("limit", "asked"), [("cpu_s", 700), ("lifetime_s", 30_000), ("lifetime_s", 0)])
def test_a_user_may_ask_for_less_of_a_sandbox_and_never_for_more(school: Inside, limit: str, asked: int) -> None:
    async def test(class_: Class) -> None:
        given = {"sandbox_id": "a", **DEMO}
        message, hint = await class_.refused("ada", "sandbox.create", **given, limits={limit: asked})
        assert message.startswith("a sandbox of ada has at most 100 s of ")
        assert hint.startswith(f"ask for less: limits.{limit}")
        made = await class_.create("ada", "a")  # the default is lowered
        assert made["configuration"]["limits"][limit] == 100
        less = await class_.create("ada", "b", **{limit: 50})
        assert less["configuration"]["limits"][limit] == 50
        more = await class_.create("tim", "c", **{limit: 400})
        assert more["configuration"]["limits"][limit] == 100 * TEACHERS
        free = await class_.create("owner", "d", **{limit: asked})
        assert free["configuration"]["limits"][limit] == asked

    school(test, **{f"quota_{limit}": 100})


def test_a_lower_quota_ends_nothing_and_refuses_new_things(school: Inside) -> None:
    async def test(class_: Class) -> None:
        for id in ("a", "b"):
            await class_.create("ada", id)
        await class_.do("owner", "user.quota", name="ada", sandboxes=1, cpu_s=60)
        assert await class_.used("ada", "sandboxes") == (2, 1)
        restarted = await class_.do("ada", "sandbox.restart", sandbox_id="a")  # it runs, so there is not more
        assert (restarted["status"], restarted["configuration"]["limits"]["cpu_s"]) == ("running", 60)
        sandboxes = class_.platform.sandboxes
        runner = sandboxes.runners["b"]
        await sandboxes.programs["b"].close("the end")
        await otp.wait_down(runner)
        await SandboxManager.ask(Destroy(None, "nobody"), node=class_.platform.node)  # it has been notified by now
        await class_.refused("ada", "sandbox.restart", sandbox_id="b")
        await class_.refused("tim", "sandbox.restart", sandbox_id="b")  # it counts for its owner
        await class_.do("ada", "sandbox.destroy", sandbox_id="a")
        assert (await class_.do("tim", "sandbox.restart", sandbox_id="b"))["owner"] == "ada"

    school(test)


@pytest.mark.operation("recording.start", "recording.load", "trace.save")
def test_running_recordings_are_refused_above_the_quota(school: Inside) -> None:
    async def test(class_: Class) -> None:
        await class_.create("ada", "a")
        await class_.create("bob", "b")
        await class_.do("ada", "recording.start", node="a", name="one")
        message, hint = await class_.refused("ada", "recording.start", node="a", name="two")
        assert message == "ada has 1 of 1 running recordings: one"
        assert hint == (
            "stop one: POST /api/v1/recordings/one/stop, or ask the owner for more: "
            "`superlearner user quota ada --recordings 2`"
        )
        await class_.do("bob", "recording.start", node="b", name="bobs")
        await class_.do("ada", "recording.stop", name="one")
        await class_.do("ada", "recording.start", node="a", name="two")
        await class_.do("owner", "user.quota", name="ada", recordings=2)
        await class_.do("ada", "recording.start", node="a", name="three")
        assert await class_.used("ada", "recordings") == (2, 2)

    school(test, quota_recordings=1)


@pytest.mark.operation("recording.start", "recording.load", "trace.save", "recording.delete")
def test_bytes_of_recordings_are_refused_above_the_quota_until_one_is_deleted(school: Inside) -> None:
    async def test(class_: Class) -> None:
        await class_.create("ada", "a")
        content = await saved(class_)
        await class_.do("ada", "recording.load", name="one", content=content)
        await class_.platform.store.records.measured("one", events=1, size=1_000_000)
        message, hint = await class_.refused("ada", "recording.load", name="two", content=content)
        assert message == "ada has 1.0 of 1 MB of recordings, and this one takes 0.0 MB: one 1"
        assert hint == (
            "delete one: DELETE /api/v1/recordings/one, or ask the owner for more: "
            "`superlearner user quota ada --recording-mb 2`"
        )
        await class_.refused("ada", "recording.start", node="a", name="two")
        trace = (await class_.do("ada", "trace.start", node="a", pid="counter_1"))["trace_id"]
        await class_.refused("ada", "trace.save", node="a", trace_id=trace, name="two")
        assert await class_.platform.quotas.bytes_left("ada") == 0
        assert await class_.platform.quotas.bytes_left("bob") == 1_000_000
        await class_.do("ada", "recording.delete", name="one")
        await class_.do("ada", "recording.load", name="two", content=content)
        await class_.do("owner", "user.quota", name="ada", recording_mb=0)
        await class_.refused("ada", "recording.load", name="three", content=content)

    school(test, quota_recording_mb=1)


def test_imports_at_once_do_not_exceed_the_bytes(school: Inside) -> None:
    async def test(class_: Class) -> None:
        content = await saved(class_)
        await class_.do("ada", "recording.load", name="first", content=content)
        size = (await class_.platform.recordings.find("first")).size
        await class_.platform.store.records.measured("first", events=1, size=1_000_000 - size)
        loads = (class_.do("ada", "recording.load", name=f"r{one}", content=content) for one in range(4))
        made = await asyncio.gather(*loads, return_exceptions=True)
        assert [one.code for one in made if isinstance(one, OperationError)] == ["quota_exceeded"] * 3

    school(test, quota_recording_mb=1)


def test_a_recording_of_a_sandbox_ends_when_it_is_larger_than_what_was_left(inside: Inside, tmp_path: Path) -> None:
    class Remote:
        """A node in another process that sends 600 bytes at a time."""

        async def ask(self, *_: Any) -> Any:
            return Taped(b"x" * 600, 1, 0, False)

        async def ask_about(self, *_: Any) -> Any:
            return Attached(1)

        def cast(self, message: Any) -> None:
            closed.append(message)

    closed: list[Any] = []

    async def test(inside_: Any) -> None:
        remote: Any = Remote()
        tape = await RemoteRecorder.begin(remote, tmp_path / "one", kinds=(), limit=9, rate=9, most=1000)
        await tape._fetch(last=False)
        assert not tape.ended
        await tape._fetch(last=False)
        assert tape.ended
        assert str(tape.error) == "the recording is larger than 1000 bytes"
        assert ((tmp_path / "one").stat().st_size, len(closed)) == (600, 1)

    inside(test)


def test_requests_are_refused_above_the_rate_of_the_user_and_wait_for_the_next_second(school: Inside) -> None:
    async def test(class_: Class) -> None:
        now = [100.0]
        pacing = Pacing(None, class_.platform.quotas, now=lambda: now[0])
        ada, bob = (WebVisitor(class_.users[name], "u1") for name in ("ada", "bob"))
        visit = Visit.of({"type": "http", "path": "/api/v1/nodes", "headers": [], "client": ("127.0.0.1", 1)})
        for _ in range(3 * AT_ONCE_S):
            await pacing.count(visit, ada)
        with pytest.raises(CredentialRefused) as refused:
            await pacing.count(visit, ada)
        assert (refused.value.error.status, refused.value.error.code, refused.value.wait) == (429, "rate_limited", 1)
        assert refused.value.error.message == "ada has more than 3 requests a second; try again in 1 s"
        assert "`superlearner user quota ada --requests-per-second 6`" in refused.value.error.details[0]["hint"]
        await pacing.count(visit, bob)
        now[0] += 1
        for _ in range(3):
            await pacing.count(visit, ada)
        with pytest.raises(CredentialRefused):
            await pacing.count(visit, ada)
        await class_.do("owner", "user.quota", name="ada", requests_per_second=6)
        await pacing.count(visit, ada)
        for who in (WebVisitor(OWNER, "owner"), WebVisitor(ANONYMOUS)):
            for _ in range(100 * AT_ONCE_S):
                await pacing.count(visit, who)

    school(test, quota_requests_per_second=3)


def test_files_of_recordings_are_limited_for_each_user(school: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superlearner.observing.tracing.recordings.MAX_FILES", 2)

    async def test(class_: Class) -> None:
        content = await saved(class_)
        for name in ("one", "two"):
            await class_.do("ada", "recording.load", name=name, content=content)
        with pytest.raises(OperationError, match=r"^2 recordings of ada are kept; delete one, such as one$"):
            await class_.do("ada", "recording.load", name="three", content=content)
        await class_.do("bob", "recording.load", name="three", content=content)
        await class_.do("ada", "recording.delete", name="one")
        await class_.do("ada", "recording.load", name="four", content=content)

    school(test)


def test_open_streams_of_a_user_are_limited_and_take_no_connection_of_others(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        await inside_.platform.store.sync(30)
        made = await call(inside_.platform, "token.create", OWNERS, name="ada", scopes=["own", "read"])
        headers = {"authorization": f"Bearer {made.data['secret']}"}
        sockets = [OpenSocket(inside_, headers) for _ in range(MOST_OPEN)]
        for socket in sockets:
            await socket.accepted.wait()
        refused = await inside_.client.get("/api/v1/arsenal/whoami", headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
        assert refused.json()["error"]["message"] == f"ada has {MOST_OPEN} open requests, streams and web sockets"
        assert (await inside_.client.get("/api/v1/arsenal/whoami")).status_code == 200
        sockets[0].task.cancel()
        await asyncio.wait([sockets[0].task])
        assert (await inside_.client.get("/api/v1/arsenal/whoami", headers=headers)).status_code == 200
        for socket in sockets[1:]:
            socket.task.cancel()
        await asyncio.wait([socket.task for socket in sockets])

    inside(test, data_dir=tmp_path)


@pytest.fixture
def standing_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass for the rates of requests."""
    monkeypatch.setattr("superlearner.web.app.Pacing", partial(Pacing, now=lambda: 100.0))


@pytest.mark.usefixtures("standing_pace")
def test_a_refused_request_counts_as_five(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        await inside_.platform.store.sync(30)
        made = await call(inside_.platform, "token.create", OWNERS, name="ada", scopes=["own"])
        headers = {"authorization": f"Bearer {made.data['secret']}"}
        answers = [await inside_.client.get("/api/v1/users", headers=headers) for _ in range(3)]
        assert [one.status_code for one in answers] == [403, 403, 429]

    inside(test, data_dir=tmp_path, quota_requests_per_second=1)


@pytest.mark.usefixtures("standing_pace")
def test_requests_for_sign_in_links_count(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        await inside_.platform.store.sync(30)
        made = await call(inside_.platform, "token.create", OWNERS, name="ada", scopes=["own"])
        headers = {"authorization": f"Bearer {made.data['secret']}"}
        answers = [await inside_.client.post("/sign-in/link", headers=headers) for _ in range(AT_ONCE_S + 1)]
        assert [one.status_code for one in answers] == [200] * AT_ONCE_S + [429]

    inside(test, data_dir=tmp_path, quota_requests_per_second=1)


def test_messages_of_a_web_socket_count_and_end_it(school: Inside) -> None:
    async def test(class_: Class) -> None:
        pacing = Pacing(None, class_.platform.quotas, now=lambda: 100.0)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.receive", "text": "{}"}

        async def send(message: Any) -> None:
            sent.append(message)

        paced = pacing.paced(WebVisitor(class_.users["ada"], "u1"), receive, send)
        for _ in range(AT_ONCE_S):
            assert (await paced())["type"] == "websocket.receive"
        assert (await paced()) == {"type": "websocket.disconnect", "code": 1008}
        assert [(one["type"], one["code"]) for one in sent] == [("websocket.close", 1008)]

    school(test, quota_requests_per_second=1)


@pytest.mark.usefixtures("standing_pace")
def test_the_api_answers_429_with_the_seconds_to_wait(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        await inside_.platform.store.sync(30)
        made = await call(inside_.platform, "token.create", OWNERS, name="ada", scopes=["own"])
        headers = {"authorization": f"Bearer {made.data['secret']}"}
        answer = await inside_.client.get("/api/v1/arsenal/whoami", headers=headers)
        for _ in range(AT_ONCE_S):
            if answer.status_code != 200:
                break
            answer = await inside_.client.get("/api/v1/arsenal/whoami", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1
        assert "user quota ada --requests-per-second 2" in answer.json()["error"]["details"][0]["hint"]

    inside(test, data_dir=tmp_path, quota_requests_per_second=1)


def test_only_owners_change_quotas_and_others_see_their_own(school: Inside) -> None:
    async def code(class_: Class, who: str, operation: str, name: str, **given: Any) -> str:
        try:
            await class_.do(who, operation, name=name, **given)
        except OperationError as error:
            return error.code
        return ""

    async def test(class_: Class) -> None:
        await class_.add("ann", "owner")
        await class_.add("vic", "viewer")
        class_.users["anonymous"] = ANONYMOUS
        for who, own in (("ada", "ada"), ("vic", "vic"), ("tim", "tim"), ("anonymous", "ada")):
            for name in (own, "bob"):
                assert await code(class_, who, "user.quota", name, sandboxes=9) == "missing_scope", (who, name)
        assert await code(class_, "ann", "user.quota", "ada", sandboxes=9) == ""
        assert await code(class_, "owner", "user.quota", "owner", sandboxes=9) == "conflict"
        assert await code(class_, "owner", "user.quota", "zoe", sandboxes=9) == "user_not_found"
        assert await code(class_, "owner", "user.quota", "ada", sandboxes=None) == "validation_error"
        seen = {who: [await code(class_, who, "user.usage", name) for name in ("ada", "owner")]
                for who in ("ada", "vic", "tim", "anonymous", "owner")}  # fmt: skip
        assert seen == {
            "ada": ["", "missing_scope"],
            "vic": ["missing_scope", "missing_scope"],
            "tim": ["", ""],
            "anonymous": ["missing_scope", "missing_scope"],
            "owner": ["", ""],
        }

    school(test)


def test_owners_have_no_quotas_teachers_bigger_ones_and_settings_change_those_of_learners(school: Inside) -> None:
    async def test(class_: Class) -> None:
        await class_.add("ann", "owner")
        quotas = class_.platform.quotas
        learner, teacher = asdict(await quotas.of("ada")), asdict(await quotas.of("tim"))
        assert learner["sandboxes"] == 7
        assert learner["memory_mb"] >= 3 * Limits().memory_mb  # a home and two more
        assert {name: TEACHERS * most for name, most in learner.items()} == teacher
        for name in ("ann", "owner", "anonymous"):
            assert set(asdict(await quotas.of(name)).values()) == {None}
        await class_.do("owner", "user.quota", name="ann", sandboxes=1)
        await class_.create("ann", "a")
        await class_.refused("ann", "sandbox.create", sandbox_id="b", **DEMO)

    school(test, quota_sandboxes=7)


@pytest.mark.operation("user.remove")
def test_things_of_a_removed_user_no_longer_count_and_quotas_survive_a_restart(
    school: Inside, inside: Inside, tmp_path: Path
) -> None:
    async def test(class_: Class) -> None:
        await class_.create("ada", "a")
        await class_.do("owner", "user.quota", name="bob", sandboxes=5)
        await class_.do("owner", "user.remove", name="ada")
        with pytest.raises(OperationError, match="was removed"):
            await class_.do("owner", "user.usage", name="ada")
        await class_.add("abe")
        assert await class_.used("abe", "sandboxes") == (0, 1)
        await class_.create("abe", "b")

    async def later(inside_: Any) -> None:
        await inside_.platform.store.sync(30)
        assert (await inside_.platform.quotas.of("bob")).sandboxes == 5

    school(test, quota_sandboxes=1)
    inside(later, data_dir=tmp_path)


@pytest.mark.operation("user.quota", "user.usage")
def test_the_api_shows_and_changes_quotas(inside: Inside, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        owner = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
        client = inside_.client
        await inside_.platform.store.sync()
        await client.post("/api/v1/users", json={"name": "ada", "role": "learner"}, headers=owner)
        changed = await client.patch("/api/v1/users/ada/quota", json={"sandboxes": 9}, headers=owner)
        assert changed.status_code == 200, changed.text
        shown = (await client.get("/api/v1/users/ada/quota", headers=owner)).json()["data"]
        (line,) = [one for one in shown["quotas"] if one["name"] == "sandboxes"]
        assert (line["most"], line["used"]) == (9, 0)

    inside(test, data_dir=tmp_path)
