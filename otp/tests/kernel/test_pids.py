"""Pids and references: identity, order, texts."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import pytest

import otp
from otp.testing import Scheduler, wait_all_idle


def in_process(fn: Any) -> Any:
    async def main() -> Any:
        return fn()

    return Scheduler().run(main)


def test_a_pid_shows_its_number_and_round_trips_as_text() -> None:
    async def main() -> Any:
        me = otp.self()
        node = otp.trace.node_of(me)
        assert str(me) == repr(me) == f"<0.{me.id}.0>"
        assert me.to_text() == f"<0.{me.id}.0>@test"
        texts = [me.to_text(), str(me), f"0.{me.id}.0", f"#PID<0.{me.id}.0>", f"  {me}  "]
        return [node.parse_pid(text) is me for text in texts]

    assert Scheduler().run(main) == [True] * 5


def test_a_dead_pid_is_found_by_its_number_and_keeps_node_and_number() -> None:
    async def main() -> Any:
        pid = otp.spawn(lambda: None)
        await otp.wait_down(pid)
        found = otp.trace.node_of(pid).parse_pid(str(pid))
        return found.id == pid.id, found.node, otp.is_alive(found), otp.process_info(found)

    assert Scheduler().run(main) == (True, "test", False, None)


def by_number(pid: otp.Pid) -> str:
    return f"0.{pid.id}.0"


@pytest.mark.parametrize("show", [str, repr, otp.Pid.to_text, by_number])
@pytest.mark.parametrize("is_shown_alive", [True, False])
def test_the_text_of_a_dead_pid_leads_to_an_equal_pid(show: Any, is_shown_alive: bool) -> None:
    """It led to another object, which was not equal and found nothing in a table by pid."""

    async def main() -> Any:
        node = otp.node()
        pid = otp.spawn(otp.receive)
        text = show(pid) if is_shown_alive else ""
        otp.exit(pid, "kill")
        await otp.wait_down(pid)
        found = node.parse_pid(text or show(pid))
        return found == pid, {pid: "entry"}.get(found), node.parse_pid(str(found)) == found

    assert Scheduler().run(main) == (True, "entry", True)


def test_a_dead_pid_that_nobody_holds_is_not_kept() -> None:
    async def main() -> Any:
        node = otp.node()
        texts: list[str] = []
        for _ in range(3):
            texts.append(str(otp.spawn(lambda: None)))
        await wait_all_idle()
        gc.collect()
        left = [pid for pid in node.shown_pids.values() if str(pid) in texts[:-1]]  # the drain may hold the last one
        found = [node.parse_pid(text) for text in texts]
        return left, found == [node.parse_pid(text) for text in texts], len(set(found))

    assert Scheduler().run(main) == ([], True, 3)


@pytest.mark.parametrize("text", ["", "<0.x.0>", "17", "<1.1.0>", "<0.1.0>@elsewhere", "<0.999.0>", "<0.0.0>", None, 3])
def test_a_text_that_names_no_pid_of_the_node_is_refused(text: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.BadArgument, match="parse_pid: "):
            otp.trace.node_of(otp.self()).parse_pid(text)

    Scheduler().run(main)


def test_pids_order_by_age_and_are_dictionary_keys() -> None:
    async def main() -> Any:
        pids = [otp.spawn(lambda: None) for _ in range(5)]
        keys = {pid: i for i, pid in enumerate(pids)}
        return sorted(pids, key=lambda pid: pid) == pids, max(pids) is pids[-1], keys[pids[3]], pids[0] == pids[1]

    assert Scheduler().run(main) == (True, True, 3, False)


def test_a_copy_of_a_pid_is_the_pid() -> None:
    assert in_process(lambda: copy.copy(otp.self()) is otp.self() and copy.deepcopy([otp.self()])[0] is otp.self())


def test_a_pid_is_not_pickled_and_the_error_says_what_to_send() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="send str\\(pid\\) or register a name"):
            pickle.dumps(otp.self())
        with pytest.raises(TypeError, match="cannot pickle #Ref"):
            pickle.dumps(otp.make_ref())

    Scheduler().run(main)


def test_references_are_unique_ordered_by_age_and_copied_as_themselves() -> None:
    async def main() -> Any:
        a, b = otp.make_ref(), otp.make_ref()
        return a == b, a < b, copy.deepcopy({"r": a})["r"] is a, len({a, b, a})

    assert Scheduler().run(main) == (False, True, True, 2)


def test_what_asyncio_needs_of_a_process_is_not_shown_as_the_interface_of_a_pid() -> None:
    shown = in_process(lambda: [name for name in dir(otp.self()) if not name.startswith("_")])
    assert shown == ["id", "node", "send", "to_text"]


def test_slots_for_the_packages_of_otp_are_not_shown_either() -> None:
    async def main() -> Any:
        ref = otp.monitor(otp.spawn(otp.receive))
        things = (ref, otp.send_after(9, otp.self(), "late"), otp.From(), otp.node())
        return [[name for name in dir(thing) if not name.startswith("_")] for thing in things]

    *references, caller, node = Scheduler().run(main)
    assert references == [[], []]
    assert caller == ["pid", "ref"]
    assert {"creation", "hidden", "name", "on_shutdown", "processes"} < set(node)
    assert {"check_life", "names", "process_table", "scheduler", "tracer"}.isdisjoint(node)


def test_sending_by_method_is_sending() -> None:
    async def main() -> Any:
        otp.self().send("hello")
        return await otp.receive()

    assert Scheduler().run(main) == "hello"
