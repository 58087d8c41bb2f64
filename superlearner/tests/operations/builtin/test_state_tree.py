"""States over HTTP as trees of terms, secrets redacted, and as editable JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

import otp
from otp import Children, GenServer, Ok, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]
AT = "/api/v1/processes"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


@dataclass(frozen=True, slots=True)
class Account:
    owner: str
    items: tuple[int, ...]


class Place(NamedTuple):
    x: int
    api_key: str


class Hostile:
    """An object that does everything a program may do when inspected."""

    def __init__(self) -> None:
        self.inner = 1

    def __repr__(self) -> str:
        raise RuntimeError("looked at")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("looked at")


class Holder(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        if arg == "hide":
            otp.process_flag("sensitive", True)
        return Ok(arg)


class Formatted(Holder):
    @impl
    def format_status(self, state: Any) -> Any:
        return ["something else"]


class Holders(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        states: dict[str, Any] = {
            "basket": {"items": [1, ("add", 3)], "password": "hunter2", "who": Hostile(), 7: "seven"},
            "account": Account("ada", (1, 2)),
            "place": Place(3, "k-123"),
            "large": {"octets": b"x" * 10_000_000, "words": "w" * 10_000_000, "many": list(range(100_000))},
            "hidden": "hide",
            "pair": (1, [2]),
        }
        holders = [Holder.child_spec(state, id=name, name=name) for name, state in states.items()]
        return Children([*holders, Formatted.child_spec([1], id="formatted", name="formatted")])


HOLDERS = Tree("holders", lambda: Holders.start_link(None, name="holders"))


async def tree(platform: Any, below: str, **options: Any) -> Any:
    answer = await platform.client.get(f"{AT}/{below}", params=options, headers=OWNER)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.operation("state.unfold")
def test_a_state_is_unfolded_with_types_and_without_its_secrets(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        found = (await tree(platform, "basket/state/tree"))["term"]
        assert (found["type"], found["size"]) == ("dict", 4)
        assert [(one["label"], one["type"], one["size"], one["hidden"]) for one in found["members"]] == [
            ("'items'", "list", 2, False), ("'password'", "str", None, True),
            ("'who'", "Hostile", 1, False), ("7", "str", 5, False),
        ]  # fmt: skip
        assert "hunter2" not in str(found)
        assert "hunter2" in str(await tree(platform, "basket/state/tree", redact=False))
        place = (await tree(platform, "place/state/tree"))["term"]["members"]
        assert [(one["label"], one["text"]) for one in place] == [("x", "3"), ("api_key", "***")]

    inside(test, HOLDERS, auth="all")


def test_secrets_of_a_state_need_a_credential(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.get(f"{AT}/basket/state/tree?redact=false")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")

    inside(test, HOLDERS)


@pytest.mark.everywhere
def test_a_part_of_a_large_state_is_read_by_its_position(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        whole = await platform.client.get(f"{AT}/large/state/tree", headers=OWNER)
        assert len(whole.content) < 20_000
        octets, words, many = whole.json()["data"]["term"]["members"]
        assert (octets["size"], octets["cut"], words["size"], words["cut"]) == (10_000_000, True) * 2
        assert (many["size"], len(many["members"])) == (100_000, 100)
        later = (await tree(platform, "large/state/tree", path="2", start=99_998))["term"]
        assert [one["text"] for one in later["members"]] == ["99998", "99999"]
        more = (await tree(platform, "large/state/tree", path="1", length=5000))["term"]
        assert len(more["text"]) == 5002
        gone = await platform.client.get(f"{AT}/large/state/tree?path=2.100000", headers=OWNER)
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "place_not_found")

    inside(test, HOLDERS, auth="all")


def test_a_process_that_hides_its_state_and_a_function_have_no_tree(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        hidden = await tree(platform, "hidden/state/tree", form=True)
        assert (hidden["term"], hidden["sensitive"], hidden["form"]["how"]) == (None, True, "none")
        function = platform.node.spawn(otp.receive)
        plain = await tree(platform, f"{str(function).strip('<>')}/state/tree")
        assert (plain["term"], plain["sensitive"]) == (None, False)

    inside(test, HOLDERS, auth="all")


@pytest.mark.parametrize(
    ("name", "how", "value", "left_out", "tuples"),
    [
        ("basket", "update", {"items": [1, ["add", 3]]}, ["password", "who", "7"], ["items"]),
        ("account", "update", {"owner": "ada", "items": [1, 2]}, [], ["items"]),
        ("place", "update", {"x": 3}, ["api_key"], []),
        ("pair", "set", [1, [2]], [], [""]),
        ("formatted", "none", None, [""], []),
        ("large", "none", None, ["octets", "words", "many"], []),
        ("holders", "none", None, [""], []),
    ],
)
def test_a_state_is_editable_as_far_as_json_can_express_it(
    inside: Inside, name: str, how: str, value: Any, left_out: list[str], tuples: list[str]
) -> None:
    async def test(platform: Any) -> None:
        form = (await tree(platform, f"{name}/state/tree", form=True))["form"]
        assert (form["how"], form["value"], form["tuples"]) == (how, value, tuples)
        assert [one["key"] for one in form["left_out"]] == left_out

    inside(test, HOLDERS, auth="all")
