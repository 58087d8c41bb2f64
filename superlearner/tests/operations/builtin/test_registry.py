"""Names and keys: registered, unregistered, and visible in other operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

import otp
from otp import Children, GenServer, Ok, Registry, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]
AT = "/api/v1"


class TopicServer(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        for key in arg or ():
            Registry.register("topics", key, {"token": "t0p"})
        return Ok(arg)


class Rooms(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [
                Registry.child_spec(keys="unique", name="rooms"),
                Registry.child_spec(keys="duplicate", name="topics"),
                TopicServer.child_spec(None, id="a", name="a"),
                TopicServer.child_spec(("news", ("room", 1)), id="b"),
            ]
        )


TREE = Tree("house", lambda: Rooms.start_link(None, name="house"))


def failure(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def ask(platform: Any, method: str, path: str, body: Any = None) -> Any:
    answer = await platform.client.request(method, f"{AT}{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def nameless(platform: Any) -> str:
    """Return the pid of the child without a name."""
    return next(one["pid"] for one in await ask(platform, "GET", "/supervisors/house/children") if one["id"] == "b")


@pytest.mark.operation("registry.names", "registry.whereis", "registry.register", "registry.unregister")
def test_a_name_is_registered_found_and_unregistered(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        pid = await nameless(platform)
        given = await ask(platform, "POST", "/registry/processes", {"name": "west/wing", "pid": pid})
        assert given["pid"] == pid
        assert (await ask(platform, "GET", "/registry/processes/west/wing"))["pid"] == pid
        assert (await ask(platform, "GET", f"/processes/{pid}/info"))["name"] == "west/wing"
        assert [one["name"] for one in await ask(platform, "GET", "/registry/processes?search=WING")] == ["west/wing"]
        for body, expected in (
            ({"name": "a", "pid": pid}, (409, "name_taken")),
            ({"name": "other", "pid": pid}, (409, "conflict")),
            ({"name": "other", "pid": "nobody"}, (404, "process_not_found")),
            ({"name": "undefined", "pid": "rooms"}, (409, "conflict")),
        ):
            assert failure(await platform.client.post(f"{AT}/registry/processes", json=body)) == expected
        await ask(platform, "DELETE", "/registry/processes/west/wing")
        assert failure(await platform.client.get(f"{AT}/registry/processes/west/wing")) == (404, "name_not_found")
        assert otp.is_alive(platform.node.parse_pid(pid))
        kept = await platform.client.delete(f"{AT}/registry/processes/services")
        assert failure(kept) == (403, "critical_process_protection")

    inside(test, TREE)


@pytest.mark.operation("registry.register")
@pytest.mark.operation("registry.whereis", "registry.unregister")
@pytest.mark.parametrize("name", ["two\nlines", "a\n/b", "b>\u202e", "a\r\nX-Header: 1"])
def test_an_unusual_name_is_found_and_unregistered(inside: Inside, name: str) -> None:
    async def test(platform: Any) -> None:
        pid = await nameless(platform)
        await ask(platform, "POST", "/registry/processes", {"name": name, "pid": pid})
        path = f"/registry/processes/{quote(name, safe='')}"
        assert (await ask(platform, "GET", path))["pid"] == pid
        await ask(platform, "DELETE", path)
        assert failure(await platform.client.get(f"{AT}{path}")) == (404, "name_not_found")

    inside(test, TREE)


def test_invalid_names_are_refused(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"name": "undefined", "pid": await nameless(platform)}
        answer = await platform.client.post(f"{AT}/registry/processes", json=body)
        assert failure(answer) == (422, "validation_error")

    inside(test, TREE)


@pytest.mark.operation("registry.list", "registry.entries")
def test_registries_and_their_entries_are_listed_with_secrets_hidden(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        listed = {one["name"]: (one["keys"], one["entries"]) for one in await ask(platform, "GET", "/registries")}
        assert listed == {"rooms": ("unique", 0), "topics": ("duplicate", 2)}
        found = await ask(platform, "GET", "/registries/topics/entries")
        assert [(one["key"], one["value"]) for one in found] == [
            ("news", {"token": "***"}), ("('room', 1)", {"token": "***"}),
        ]  # fmt: skip
        pid = await nameless(platform)
        (one,) = await ask(platform, "GET", "/registries/topics/entries?key=news")
        assert one["pid"] == pid
        assert len(await ask(platform, "GET", f"/registries/topics/entries?pid={pid}")) == 2
        assert await ask(platform, "GET", "/registries/topics/entries?pid=a") == []
        await platform.client.request("DELETE", f"{AT}/processes/{pid}", json={})
        await Supervisor.count_children(("house", platform.node))
        again = await ask(platform, "GET", "/registries/topics/entries")
        assert (len(again), again[0]["pid"] != pid) == (2, True)
        assert failure(await platform.client.get(f"{AT}/registries/a/entries")) == (404, "registry_not_found")

    inside(test, TREE)


@pytest.mark.operation("registry.register_key", "registry.unregister_key")
def test_a_key_of_a_unique_registry_is_registered_and_unregistered(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        body = {"key": "lisp", "pid": "a", "value": [1, 2]}
        assert (await ask(platform, "POST", "/registries/rooms/entries", body))["value"] == [1, 2]
        assert Registry.via("rooms", "lisp").whereis() == platform.node.whereis("a")
        assert failure(await platform.client.post(f"{AT}/registries/rooms/entries", json=body)) == (409, "name_taken")
        duplicate = await platform.client.post(f"{AT}/registries/topics/entries", json=body)
        assert failure(duplicate) == (422, "validation_error")
        gone = {"key": "lisp", "pid": "a"}
        at = f"{AT}/registries/rooms/entries"
        assert (await platform.client.request("DELETE", at, json=gone)).status_code == 200
        assert await ask(platform, "GET", "/registries/rooms/entries") == []
        assert failure(await platform.client.request("DELETE", at, json=gone)) == (404, "name_not_found")

    inside(test, TREE)
