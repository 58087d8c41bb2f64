"""States unfold a part at a time, and nothing of a program runs while they do; code is found without its source."""

from __future__ import annotations

from collections import deque
from enum import Enum
from pathlib import Path
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, impl, observer, testing
from otp.observer import unfold


class Colour(Enum):
    RED = 1


class Hostile(dict[str, Any]):
    def __init__(self) -> None:
        super().__init__(key="value")
        self.more = 1

    def __repr__(self) -> str:
        raise RuntimeError("looked at")

    def __len__(self) -> int:
        raise RuntimeError("looked at")

    def items(self) -> Any:
        raise RuntimeError("looked at")


class Slotted:
    __slots__ = ("left", "never", "token")

    def __init__(self) -> None:
        self.left = [1]
        self.token = "t0p"


def shown(value: object, *path: int, **options: Any) -> list[tuple[str, str, str]]:
    term = unfold(value, path, **options)
    assert term is not None
    return [(one.label, one.type, one.text) for one in term.members]


def test_members_of_every_kind_have_a_label() -> None:
    assert shown({"n": 1, 2: None}) == [("'n'", "int", "1"), ("2", "NoneType", "None")]
    assert shown(("add", 3)) == [("0", "str", "'add'"), ("1", "int", "3")]
    assert shown(("token", "t0p")) == [("0", "str", "'token'"), ("1", "str", "***")]
    assert shown(deque([1])) == [("0", "int", "1")]
    assert shown({4}) == [("", "int", "4")]
    assert shown(Slotted()) == [("left", "list", "[1]"), ("token", "str", "***")]
    assert shown(Hostile()) == [("'key'", "str", "'value'")]
    assert shown(Slotted(), redact=None)[1] == ("token", "str", "'t0p'")


def test_what_has_no_members_is_told_whole() -> None:
    for value, text in ((Colour.RED, "Colour.RED"), (Path("/a"), "PosixPath('/a')"), (3, "3"), (None, "None")):
        term = unfold(value)
        assert term is not None
        assert (term.text, term.size, term.members) == (text, None, ())


def test_a_secret_cannot_be_unfolded() -> None:
    assert unfold({"password": ["hunter2"]}, (0, 0)) is None
    assert unfold({"password": ["hunter2"]}, (0,)) == observer.Term("'password'", "list", "***", hidden=True)


def test_a_value_that_holds_itself_ends() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert shown(ring)[1] == ("1", "list", "<cycle>")
    assert unfold(ring, (1, 0)) is None


def test_members_come_in_parts() -> None:
    term = unfold(list(range(1000)), start=990, items=3)
    assert term is not None
    assert (term.size, term.start, [one.label for one in term.members]) == (1000, 990, ["990", "991", "992"])
    assert unfold([1], (7,)) is None
    assert unfold([1], (-1,)) is None


def test_a_long_text_is_cut_and_says_so() -> None:
    term = unfold("w" * 1000, length=10)
    assert term is not None
    assert (term.text, term.size, term.cut) == ("'wwwwwwwwww'", 1000, True)
    assert unfold("short") == observer.Term("", "str", "'short'", size=5)


def members_of(term: observer.Term) -> int:
    return len(term.members) + sum(members_of(one) for one in term.members)


def test_a_look_tells_of_some_hundreds_of_members_and_leaves_the_rest_closed() -> None:
    value = [list(range(300)) for _ in range(300)]
    for items, depth in ((100, 2), (500, 4)):
        term = unfold(value, items=items, depth=depth)
        assert term is not None
        assert 100 <= members_of(term) <= 500
        assert (term.members[-1].size, term.members[-1].members) == (300, ())
    inner = unfold(value, (299,), items=500)
    assert inner is not None
    assert len(inner.members) == 300


def test_only_the_value_itself_is_told_at_length() -> None:
    term = unfold(["w" * 50_000, "w" * 50_000], length=20_000)
    assert term is not None
    assert [(len(one.text), one.cut) for one in term.members] == [(302, True)] * 2
    whole = unfold(["w" * 50_000], (0,), length=20_000)
    assert whole is not None
    assert len(whole.text) == 20_002


class Till(GenServer[int]):
    @impl
    def init(self, arg: int) -> Ok[int]:
        return Ok(arg)

    @impl
    async def handle_info(self, message: Any, state: int) -> NoReply[int]:
        await otp.receive(otp.Is("go"))
        return NoReply(state)


async def waits() -> None:
    await otp.receive(otp.Is("go"))


def test_which_code_a_process_runs() -> None:
    async def main() -> None:
        node = otp.trace.node_of(otp.self())
        till = await Till.start_link(3)
        idle = observer.running(node, till)
        assert idle is not None
        assert (idle.what, [one.name for one in idle.callbacks], idle.now) == ("Till", ["init", "handle_info"], None)
        otp.send(till, "wait")
        function = otp.spawn(waits)
        await testing.wait_all_idle()
        busy = observer.running(node, till)
        assert busy is not None
        assert busy.now is not None
        assert busy.now.name == "handle_info"
        assert busy.now.line is not None
        assert busy.now.line > busy.now.first_line
        found = observer.running(node, function)
        assert found is not None
        assert found.now is not None
        assert (found.what, found.now.name, found.now.file) == ("waits", "waits", __file__)
        otp.exit(function, "kill")
        await testing.wait_all_idle()
        assert observer.running(node, function) is None
        assert observer.seen_state(node, function) is None
        assert observer.seen_state(node, till) == observer.State(3, exact=True)

    testing.Scheduler(seed=0).run(main)
