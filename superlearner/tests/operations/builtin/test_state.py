"""States over HTTP: they can be set, and the previous one restored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]
AT = "/api/v1/processes"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


@dataclass(frozen=True)
class Account:
    owner: str
    amount: int


class Holder(GenServer[Any]):
    """Server that stores messages and redacts its `pin`."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        if arg == "hide":
            otp.process_flag("sensitive", True)
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        state["items"].append(request)
        return NoReply(state)

    @impl
    def format_status(self, state: Any) -> Any:
        return {**state, "pin": "hidden"} if isinstance(state, dict) and "pin" in state else state


class Holders(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        states: dict[str, Any] = {
            "basket": {"items": [1], "password": "hunter2", "pin": 4711},
            "account": Account("ada", 5),
            "hidden": "hide",
        }
        return Children([Holder.child_spec(state, id=name, name=name) for name, state in states.items()])


HOLDERS = Tree("holders", lambda: Holders.start_link(None, name="holders"))


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def ask(platform: Any, method: str, path: str, **body: Any) -> Any:
    return await platform.client.request(method, f"{AT}{path}", json=body or None, headers=OWNER)


async def done(platform: Any, method: str, path: str, **body: Any) -> Any:
    answer = await ask(platform, method, path, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.everywhere
@pytest.mark.operation("state.get")
def test_a_state_is_shown_without_secrets_unless_permitted(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        found = await done(platform, "GET", "/basket/state")
        assert found["state"] == "{'items': [1], 'password': ***, 'pin': 'hidden'}"
        assert found["value"] == {"items": [1], "password": "***", "pin": "hidden"}
        assert [found[key] for key in ("name", "type", "what", "redacted")] == ["basket", "genserver", "Holder", True]
        assert "hunter2" in (await done(platform, "GET", "/basket/state?redact=false"))["state"]
        hidden = await done(platform, "GET", "/hidden/state")
        assert (hidden["state"], hidden["value"]) == ("<sensitive>", None)
        assert len((await done(platform, "GET", "/basket/state?length=10"))["state"]) <= 10

    inside(test, HOLDERS, auth="all")


@pytest.mark.everywhere
def test_a_process_without_a_state_to_show_says_why(inside: Inside) -> None:
    """Regression: the state of a plain function was null, as if the platform did not know it."""

    async def test(platform: Any) -> None:
        function = str(platform.node.spawn(otp.receive)).strip("<>")
        for path, note in (
            (function, "A plain function is no server: its state is in its variables, which cannot be shown."),
            ("hidden", "This process hides its state: it has set the flag sensitive."),
            ("basket", None),
            ("holders", None),
        ):
            for view in ("state", "state/tree", "info"):
                assert note == (await done(platform, "GET", f"/{path}/{view}"))["state_note"]

    inside(test, HOLDERS, auth="all")


def test_secrets_and_changes_of_states_need_a_credential(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for method, path in (
            ("GET", "/basket/state?redact=false"), ("PUT", "/basket/state"), ("PATCH", "/basket/state"),
            ("POST", "/basket/state/restore"),
        ):  # fmt: skip
            body = {"state": 1} if method == "PUT" else {"changes": {"a": 1}} if method == "PATCH" else {}
            body = {"backup_id": "b1"} if method == "POST" else body
            answer = await platform.client.request(method, f"{AT}{path}", json=body or None)
            assert code(answer) == (403, "missing_scope"), method

    inside(test, HOLDERS)


@pytest.mark.operation("state.set", "state.restore", "state.backups")
def test_a_state_is_set_and_the_previous_one_is_restored(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        changed = await done(platform, "PUT", "/counter_1/state", state=41)
        assert (changed["before"], changed["after"]) == (0, 41)
        GenServer.cast(("counter_1", platform.node), "increment")
        assert await platform.call("counter_1", "get_value") == 42
        back = await done(platform, "POST", "/counter_1/state/restore", backup_id=changed["undo"])
        assert (back["before"], back["after"]) == (42, 0)
        assert await platform.call("counter_1", "get_value") == 0
        kept = await done(platform, "GET", "/counter_1/state/backups")
        assert [(one["id"], one["why"], one["state"]) for one in kept] == [
            (back["undo"], "before restore", 42), (changed["undo"], "before set", 0),
        ]  # fmt: skip

    inside(test, auth="all")


@pytest.mark.operation("state.set")
def test_lists_of_a_state_stay_lists_or_become_tuples(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await done(platform, "PUT", "/basket/state", state=[1, [2]])
        assert await platform.call("basket", "what") == [1, [2]]
        await done(platform, "PUT", "/basket/state", state=[1, [2]], lists="tuple")
        assert await platform.call("basket", "what") == (1, (2,))

    inside(test, HOLDERS, auth="all")


@pytest.mark.operation("state.update")
def test_parts_of_a_state_are_changed_and_the_others_stay(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await done(platform, "PATCH", "/basket/state", changes={"items": [7]})
        assert await platform.call("basket", "what") == {"items": [7], "password": "hunter2", "pin": 4711}
        await done(platform, "PATCH", "/account/state", changes={"amount": 6})
        assert await platform.call("account", "what") == Account("ada", 6)
        wrong = await ask(platform, "PATCH", "/account/state", changes={"colour": "red"})
        assert code(wrong) == (409, "conflict")
        assert await platform.call("account", "what") == Account("ada", 6)

    inside(test, HOLDERS, auth="all")


@pytest.mark.operation("state.backup", "state.diff", "state.restore")
def test_a_backup_is_a_copy_that_outlives_its_process(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        kept = await done(platform, "POST", "/basket/state/backups", label="good")
        assert (kept["label"], kept["why"], kept["copied"]) == ("good", "asked", True)
        assert kept["state"] == {"items": [1], "password": "***", "pin": "hidden"}
        at = f"/basket/state/diff?backup_id={kept['id']}"
        assert (await done(platform, "GET", at))["same"] is True
        GenServer.cast(("basket", platform.node), 2)
        await platform.call("basket", "what")
        found = await done(platform, "GET", at)
        assert (found["same"], found["change_count"]) == (False, 1)
        assert found["changes"] == [{"path": "items[1]", "kind": "added", "before": None, "after": 2}]
        await platform.client.delete(f"{AT}/basket", headers=OWNER)
        await Supervisor.count_children(("holders", platform.node))
        await done(platform, "PATCH", "/basket/state", changes={"items": []})
        await done(platform, "POST", "/basket/state/restore", backup_id=kept["id"])
        assert await platform.call("basket", "what") == {"items": [1], "password": "hunter2", "pin": 4711}

    inside(test, HOLDERS, auth="all")


@pytest.mark.everywhere
@pytest.mark.operation("state.forget")
def test_a_backup_is_deleted(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        kept = await done(platform, "POST", "/counter_1/state/backups")
        assert await done(platform, "DELETE", f"/counter_1/state/backups/{kept['id']}") == {
            "id": kept["id"], "forgotten": True,
        }  # fmt: skip
        assert await done(platform, "GET", "/counter_1/state/backups") == []
        for method, path, body in (
            ("DELETE", f"/counter_1/state/backups/{kept['id']}", {}),
            ("GET", f"/counter_1/state/diff?backup_id={kept['id']}", {}),
            ("POST", "/counter_1/state/restore", {"backup_id": kept["id"]}),
        ):
            assert code(await ask(platform, method, path, **body)) == (404, "backup_not_found")

    inside(test, auth="all")


@pytest.mark.operation("state.backup")
def test_the_oldest_backups_of_a_process_are_dropped(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for _ in range(22):
            await done(platform, "POST", "/counter_1/state/backups")
        kept = await done(platform, "GET", "/counter_1/state/backups")
        assert [one["id"] for one in kept] == [f"b{number}" for number in range(22, 2, -1)]

    inside(test, auth="all")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hidden", (403, "sensitive_process")),
        ("holders", (409, "conflict")),
        ("live", (403, "critical_process_protection")),
        ("nobody", (404, "process_not_found")),
    ],
)
def test_states_that_cannot_be_set_are_kept(inside: Inside, name: str, expected: tuple[int, str]) -> None:
    async def test(platform: Any) -> None:
        assert code(await ask(platform, "PUT", f"/{name}/state", state=1)) == expected

    inside(test, HOLDERS, auth="all")


def test_the_state_of_a_suspended_server_can_be_set(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.client.post(f"{AT}/counter_1/suspend", headers=OWNER)
        await done(platform, "PUT", "/counter_1/state", state=3)
        await platform.client.post(f"{AT}/counter_1/resume", headers=OWNER)
        assert await platform.call("counter_1", "get_value") == 3

    inside(test, auth="all")
