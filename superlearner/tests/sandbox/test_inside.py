"""Inside a sandbox: its tree starts with the options, changes its code, and endless loops are interrupted."""

from __future__ import annotations

import gc
import re
from pathlib import Path
from typing import Any

import pytest

import otp
from inside_sandbox import COUNTER, at, within
from otp import GenServer
from superlearner.control.reasons import text_of_reason, where_of
from superlearner.control.simulations import Plan, begin
from superlearner.observing.monitoring.machine import Collector

pytestmark = pytest.mark.program


STOP = "; to end one process, return Stop(reason, state)"


class Counter(GenServer[Any]):
    """Another loaded class with the name of one in the sandbox: its mistakes are not those of the sandbox."""

    def init(self, arg: Any) -> Any:
        return arg


def test_its_tree_runs_on_its_node_and_nothing_else_is_seen_there(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        return sorted(str(otp.process_info(pid, "registered_name")) for pid in node.processes())

    assert ["Main", "a", "b"] == within(tmp_path, COUNTER, look)


def test_the_options_hold_whatever_the_code_says(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        from superlearner.control.supervising import flags_of

        found = flags_of(at(node, "Main"))
        assert found is not None
        return found.strategy, found.max_restarts, found.max_seconds

    assert ("one_for_all", 7, 9.0) == within(
        tmp_path, COUNTER, look, strategy="one_for_all", max_restarts=7, max_seconds=9.0
    )


def test_the_configuration_reaches_init(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        return await GenServer.call(at(node, "a"), "get")

    assert 41 == within(tmp_path, COUNTER, look, custom_config={"start": 41})


def test_a_name_error_at_its_top_is_raised_as_it_is(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> None:
        raise AssertionError("it started")

    with pytest.raises(NameError):
        within(tmp_path, "nonsense\nclass Main: ...", look)


def test_a_child_that_does_not_start_is_said_in_a_sentence(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> None:
        raise AssertionError("it started")

    with pytest.raises(otp.StartError, match="its child a does not start") as failure:
        within(tmp_path, COUNTER.replace("return Ok(start)", "raise KeyError('till')"), look)
    assert "till" in str(failure.value)
    said = r"Main failed to start: its child a does not start: KeyError: 'till' \(main\.py, line \d+, in Counter\.init"
    assert re.match(said, str(failure.value))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'name="b")])', 'name="b")],\n            strategy="one_for_two")',
            r'strategy "one_for_two" is unknown; did you mean .* \(main\.py, line 17, in Main\.init',
        ),
        ("return Ok(start)", "return start", r"Counter\.init, got .*; write return Ok\(start\) \(main\.py, line 5,"),
        ("init(self, start)", "inti(self, start)", r"is 'inti' to be 'init'\?.*\(main\.py, line 4, in Counter\.inti"),
        ("init(self, start)", "init(start)", r"write def init\(self, arg\) \(main\.py, line 4, in Counter\.init"),
        ('id="b", name="b"', 'id="b", name="a"', r"its name 'a' is taken; give it another .*, line 16, in Main\.init"),
        (
            'Counter.child_spec(start, id="b"', '\n            Counter.child_spec(start, id="a"',
            r"got 'a' twice, first at main\.py:16; try .* \(main\.py, line 17, in Main\.init",
        ),
        (
            "return Ok(start)", "from otp import Stop\n        return Stop('no till')",
            r"its init returned Stop\(…\) with the reason no till \(",
        ),
        ("return Ok(start)", "pass", r"from Counter.init, got None; did you forget to return it\? \(main\.py, line 5"),
        ("return Children([", "return list([", r"Main\.init: expected Children.*, got a list of children; try retur"),
        (
            'Counter.child_spec(start, id="b", name="b")', '{"start": (Counter, 10)}',
            r"a child spec needs 'id'.* \(main\.py, line 16, in Main\.init",
        ),
        ("Main(Supervisor)", "Main(GenServer)", r"^Main is not a Supervisor .*\(main\.py, line 13, in Main"),
    ],
)  # fmt: skip
def test_a_mistake_that_the_library_refuses_has_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Regression: a wrong strategy was a tuple, at no line."""

    async def look(node: otp.Node, service: otp.Pid) -> None:
        raise AssertionError("it started")

    assert old in COUNTER
    with pytest.raises(otp.StartError, match=said):
        within(tmp_path, COUNTER.replace(old, new), look)


def test_a_misspelt_import_of_a_new_source_has_a_suggestion(tmp_path: Path) -> None:
    """Regression: only a first start had one; the message named the file of the package."""

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        return await GenServer.call(service, ("reload", COUNTER.replace("GenServer", "GenSever")))

    refused = within(tmp_path, COUNTER, look)["refused"]
    assert "ImportError: cannot import name 'GenSever' from 'otp'; did you mean 'GenServer'?\n" in refused


def test_an_application_starts_with_what_it_depends_on(tmp_path: Path) -> None:
    text = (
        COUNTER.replace("class Main", "class Tree")
        + """
from otp import Application

class Main(Application):
    async def start(self, kind, args):
        return await Tree.start_link(args, name="tree")
"""
    )

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        facts = await GenServer.call(service, ("facts",))
        return facts["supervisor_pid"], str(at(node, "tree")).strip("<>")

    told, top = within(tmp_path, text, look, custom_config={"start": 3})
    assert top == told


def test_its_end_is_reported_with_the_reason(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        for _ in range(4):
            pid = await node.wait_registered("a")
            otp.exit(pid, "kill")
            await otp.wait_down(pid)
        return await GenServer.call(service, ("next",))

    said = "Main gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed (last: a was killed)"
    assert within(tmp_path, COUNTER, look) == {"notices": [], "missed": 0, "ended": said}


def test_a_tree_that_gave_up_refuses_other_code_until_its_sandbox_ends(tmp_path: Path) -> None:
    """The code was loaded for no process, and reported as running."""

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        top = at(node, "Main")
        for _ in range(4):
            pid = await node.wait_registered("a")
            otp.exit(pid, "kill")
            await otp.wait_down(pid)
        await otp.wait_down(top)
        return await GenServer.call(service, ("reload", COUNTER))

    said = "its tree has ended, and the sandbox ends with it"
    assert within(tmp_path, COUNTER, look) == {"refused": said, "ended": True}


def test_its_end_after_failed_restarts_names_the_reason_of_the_failure(tmp_path: Path) -> None:
    """The sentence said that `a` was killed, once, and never why it did not start again."""
    code = COUNTER.replace(
        "return Ok(start)", "STARTS.append(start)\n        1 / max(0, 3 - len(STARTS))\n        return Ok(start)"
    )

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        otp.exit(at(node, "a"), "kill")
        return (await GenServer.call(service, ("next",)))["ended"]

    said = within(tmp_path, f"STARTS = []\n{code}", look)
    assert said == (
        "Main gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed "
        "(last: it could not restart a: ZeroDivisionError('division by zero'))"
    )


def test_a_reload_keeps_the_state_and_lists_the_changed_servers(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        pid = at(node, "a")
        GenServer.cast(pid, "tick")
        await GenServer.call(pid, "get")
        report = await GenServer.call(service, ("reload", COUNTER.replace("n + 1", "n + 10")))
        GenServer.cast(pid, "tick")
        return report, await GenServer.call(pid, "get"), pid is at(node, "a")

    report, count, same = within(tmp_path, COUNTER, look)
    assert (11, True) == (count, same)
    told = {one["name"]: (one["what"], one["before"], one["after"]) for one in report["servers"]}
    assert ("Counter", "1", "1") == told["a"]
    assert {"a", "b", "Main"} == set(told)


def test_a_reload_that_a_code_change_refuses_leaves_everything_as_it_was(tmp_path: Path) -> None:
    bad = COUNTER.replace(
        "    def handle_call",
        "    def code_change(self, old, n, extra):\n        raise KeyError('old')\n    def handle_call",
    )

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        report = await GenServer.call(service, ("reload", bad))
        GenServer.cast(at(node, "a"), "tick")
        return report, await GenServer.call(at(node, "a"), "get")

    report, count = within(tmp_path, COUNTER, look)
    assert "nothing has changed: a cannot run the new source" in report["refused"]
    assert 1 == count


def test_a_reload_without_the_class_of_a_process_says_so_in_one_clause(tmp_path: Path) -> None:
    """Regression: the sentence had three colons."""

    async def look(_: otp.Node, service: otp.Pid) -> Any:
        return await GenServer.call(service, ("reload", COUNTER.replace("Counter", "Tally")))

    refused = within(tmp_path, COUNTER, look)["refused"]
    says = "the new source has no class Counter, which a runs; define a class Counter, or run it as a new sandbox"
    assert refused == f"nothing has changed: {says}"


def test_a_reload_refuses_a_callback_with_a_wrong_signature_and_names_its_line(tmp_path: Path) -> None:
    """Regression: it was accepted without `@impl`, and the next restart of the process ended the tree."""
    narrow = re.sub(r"def init\(self, \w+\)", "def init(self)", COUNTER, count=1)
    assert narrow != COUNTER

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        report = await GenServer.call(service, ("reload", narrow))
        return report, await GenServer.call(at(node, "a"), "get")

    report, count = within(tmp_path, COUNTER, look)
    assert "cannot run the new source: TypeError: expected init(self, arg) in Counter" in report["refused"]
    assert "main.py, line" in report["refused"]
    assert count == 0


CHANGE = "    def code_change(self, old, n, extra):\n        {what}\n        return Ok(n)\n    def handle_call"


def changing(what: str) -> str:
    return COUNTER.replace("    def handle_call", CHANGE.format(what=what)).replace("n + 1", "n + 10")


@pytest.mark.parametrize(
    ("what", "said", "counts"),
    [
        ("raise KeyError('old')", "nothing has changed: a cannot run the new source: KeyError", [1, 1]),
        (
            "return n",
            "nothing has changed: a cannot run the new source: expected Ok(state) from its code_change, got 1",
            [1, 1],
        ),
        (
            "return",
            "nothing has changed: a cannot run the new source: expected Ok(state) from its code_change, got None",
            [1, 1],
        ),
        ("raise GeneratorExit", "all went back to the old source: a ended", [0, 1]),
        ("import otp; otp.exit(otp.self(), 'kill')", "all went back to the old source: a ended", [0, 1]),
        ("while True: pass", "nothing has changed: a cannot run the new source: EndlessLoop", [1, 1]),
        ("import sys; sys.exit(3)", "nothing has changed: a cannot run the new source: SystemExit: 3", [1, 1]),
        (
            "import asyncio; return asyncio.Event().wait()",
            "nothing has changed: a still runs the old code, and did not switch to the new one in time",
            [1, 1],
        ),
    ],
    ids=["raises", "no Ok", "nothing", "ends", "kills itself", "loops", "leaves", "waits for ever"],
)
def test_a_server_that_fails_in_code_change_makes_the_whole_reload_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, said: str, counts: list[int]
) -> None:
    """Regression: a crash in `code_change` was taken for a normal end, and the reload reported success."""
    monkeypatch.setattr("superlearner.sandbox.reloading.CHANGE_S", 0.2)

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        for name in "ab":
            GenServer.cast(at(node, name), "tick")
        report = await GenServer.call(service, ("reload", changing(what)))
        again = [await GenServer.call(await node.wait_registered(name), "get") for name in "ab"]
        GenServer.cast(at(node, "b"), "tick")
        return report["refused"], again, await GenServer.call(at(node, "b"), "get")

    refused, again, counted = within(tmp_path, COUNTER, look, held_s=0.2)
    assert refused.startswith(said)
    assert counts == again
    assert 2 == counted  # by the old source


def test_a_crash_in_what_waited_for_the_new_source_brings_the_old_one_back(tmp_path: Path) -> None:
    new = changing("__import__('otp').send(__import__('otp').self(), 'next')").replace(
        "    def handle_cast",
        "    def handle_info(self, message, n):\n        raise ValueError(message)\n    def handle_cast",
    )

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        GenServer.cast(at(node, "a"), "tick")
        report = await GenServer.call(service, ("reload", new))
        return report["refused"], await GenServer.call(await node.wait_registered("b"), "get")

    refused, counted = within(tmp_path, COUNTER, look)
    assert refused.startswith("all went back to the old source: a ended with the new one, and its state is lost")
    assert "ValueError: next" in refused
    assert "raise ValueError(message)" in refused  # the line of the new text
    assert 0 == counted


EXIT = "raise SystemExit(3)"
LOOP = "\n        while True: pass"
META = "class M(type(GenServer)):\n    {}\nclass Counter(GenServer, metaclass=M):"
HOSTILE = {
    "str of its exception leaves": f"class E(Exception):\n    def __str__(self): {EXIT}\nraise E",
    "str of its exception loops": f"class E(Exception):\n    def __str__(self): {LOOP}\nraise E",
    "str of its exception interrupts": "class E(Exception):\n    def __str__(self): raise KeyboardInterrupt\nraise E",
    "its exception answers for nothing": f"class E(Exception):\n    def __getattribute__(self, n): {EXIT}\nraise E",
    "its group has endless members": (
        "class G(BaseExceptionGroup):\n    exceptions = property(lambda self: (self, self))\n"
        "raise G('g', [KeyboardInterrupt()])"
    ),
    "its reason is no word": (
        f"import otp\nclass W(str):\n    def __eq__(self, other): {EXIT}\n    __hash__ = str.__hash__\n"
        "raise otp.Exit(W('timeout'))"
    ),
    "interrupts": "raise KeyboardInterrupt",
    "empties the modules": "import sys; sys.modules.clear(); raise ValueError",
    "traces": f"import sys\ndef trace(*_): {EXIT}\nsys.settrace(trace)",
    "its server is none": f"class S:\n    def __getattribute__(self, name): {EXIT}\nCounter = S()",
    "its class has no version": META.format(f"vsn = property(lambda cls: exec('{EXIT}'))") + "\n    pass",
    "its metaclass answers for all": META.format(f"def __getattribute__(cls, name): {EXIT}") + "\n    pass",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_source_that_raises_when_it_is_looked_at_is_refused_and_the_tree_goes_on(
    tmp_path: Path, hostile: str
) -> None:
    """Regression: `SystemExit` from an exception's `__str__` ended the sandbox's service, and with it the sandbox."""

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        GenServer.cast(at(node, "a"), "tick")
        refused = await GenServer.call(service, ("reload", f"{COUNTER}\n{hostile}\n"))
        GenServer.cast(at(node, "a"), "tick")
        counted = await GenServer.call(at(node, "a"), "get")
        again = await GenServer.call(service, ("reload", COUNTER.replace("n + 1", "n + 10")))
        GenServer.cast(at(node, "a"), "tick")
        return refused, counted, again, await GenServer.call(at(node, "a"), "get")

    refused, counted, again, last = within(tmp_path, COUNTER, look, held_s=0.2)
    assert refused["refused"].startswith("nothing has changed: "), refused
    assert (2, 3, 12) == (counted, len(again["servers"]), last)


DECLARED = {
    "its metaclass hashes": f"def __hash__(cls): {EXIT}",
    "its metaclass compares": f"def __eq__(cls, other): {EXIT}\n    __hash__ = type.__hash__",
    "its metaclass has a module that loops": f"@property\n    def __module__(cls): {LOOP}",
    "its metaclass is asked": f"def __instancecheck__(cls, other): {EXIT}\n    __subclasscheck__ = __instancecheck__",
}


@pytest.mark.parametrize("method", DECLARED.values(), ids=DECLARED)
def test_a_class_may_lie_about_itself_and_is_taken_over(tmp_path: Path, method: str) -> None:
    new = COUNTER.replace("class Counter(GenServer):", META.format(method)).replace("n + 1", "n + 10")
    new += f"class Name(str):\n    def __lt__(self, other): {EXIT}\n    __gt__ = startswith = __lt__\n"
    new += f"class Number(int):\n    def __repr__(self): {EXIT}\n    __format__ = __repr__\n"
    new += "globals()[Name('zz')] = globals()[1] = Number(7)\ndef given(number=Number(8)): pass\n"

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        reports = [await GenServer.call(service, ("reload", text)) for text in (new, new + "#", COUNTER)]
        GenServer.cast(at(node, "a"), "tick")
        return [len(report.get("servers", ())) for report in reports], await GenServer.call(at(node, "a"), "get")

    assert ([3, 3, 3], 1) == within(tmp_path, COUNTER, look, held_s=0.2)


STATES = {
    "class leaves": f"__class__ = property(lambda self: exec('{EXIT}'))",
    "class loops": f"@property\n    def __class__(self): {LOOP}",
    "attributes leave": (
        f"def __getattribute__(self, name):\n        if name == 'n': return object.__getattribute__(self, name)"
        f"\n        {EXIT}"
    ),
    "dictionary leaves": f"__dict__ = property(lambda self: exec('{EXIT}'))",
    "repr and eq loop": f"def __repr__(self, *_): {LOOP}\n    __eq__ = __reduce_ex__ = __deepcopy__ = __repr__",
}


@pytest.mark.parametrize("method", STATES.values(), ids=STATES)
def test_a_state_that_raises_when_it_is_looked_at_is_kept(tmp_path: Path, method: str) -> None:
    old = COUNTER.replace("return Ok(start)", "return Ok(State(start))").replace("Reply(n, n)", "Reply(n.n, n)")
    old = f"class State:\n    __slots__ = ('n',)\n    def __init__(self, n): self.n = n\n    {method}\n" + old
    new = old.replace("n + 1", "State(n.n + 10)")

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        report = await GenServer.call(service, ("reload", new))
        GenServer.cast(at(node, "a"), "tick")
        counted = await GenServer.call(at(node, "a"), "get")
        return {one["name"]: (one["before"], one["after"]) for one in report["servers"]}["a"], counted

    (before, after), counted = within(tmp_path, old, look, held_s=0.2)
    assert (before, 10) == (after, counted)
    assert "State" in before


def test_a_source_that_empties_the_modules_is_taken_over_and_others_can_still_import(tmp_path: Path) -> None:
    new = COUNTER.replace("n + 1", "n + 10") + "\nimport sys; sys.modules.clear(); sys.modules = None\n"

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        report = await GenServer.call(service, ("reload", new))
        GenServer.cast(at(node, "a"), "tick")
        return len(report["servers"]), await GenServer.call(at(node, "a"), "get")

    assert (3, 10) == within(tmp_path, COUNTER, look)


def test_a_process_that_ends_the_program_is_named_and_is_not_reported_as_a_give_up(tmp_path: Path) -> None:
    """`its tree gave up: it had too many restarts`, of one `sys.exit()`."""
    leaves = COUNTER.replace(
        'while request == "spin":\n            pass', 'if request == "leave":\n            raise SystemExit(3)'
    )

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        GenServer.cast(at(node, "a"), "leave")
        return (await GenServer.call(service, ("next",)))["ended"]

    line = 1 + leaves.splitlines().index("            raise SystemExit(3)")
    assert (
        f"SystemExit(3) was raised in one of its processes, which ends the whole program{STOP}: main.py:{line}"
        == within(tmp_path, leaves, look)
    )


def test_lines_of_tracebacks_are_counted_as_python_counts_them(tmp_path: Path) -> None:
    """A form feed ends no line; `str.splitlines` says it does."""
    bad = changing("raise KeyError('here')").replace("class Counter", "\f# \u2028\nclass Counter")

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        return (await GenServer.call(service, ("reload", bad)))["refused"]

    assert "raise KeyError('here')" in within(tmp_path, COUNTER, look)


def test_more_notices_than_there_is_room_for_are_counted(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        for number in range(70):
            otp.send(service, ("interrupted", f"notice {number}"))
        return await GenServer.call(service, ("alive",)), await GenServer.call(service, ("next",))

    alive, news = within(tmp_path, COUNTER, look)
    assert {} == alive
    assert (50, "notice 0", 20) == (len(news["notices"]), news["notices"][0], news["missed"])


def test_a_module_runs_with_another_text_and_its_file_stays_what_it_is(tmp_path: Path) -> None:
    from superlearner.demo import one_for_one

    path = Path(one_for_one.__file__ or "")
    text = path.read_text()
    other = text.replace("return NoReply(value + 1)", "return NoReply(value + 5)")
    assert other != text

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        GenServer.cast(at(node, "counter_1"), "increment")
        first = await GenServer.call(at(node, "counter_1"), "get_value")
        report = await GenServer.call(service, ("reload", text))
        GenServer.cast(at(node, "counter_1"), "increment")
        return first, len(report["servers"]), await GenServer.call(at(node, "counter_1"), "get_value")

    module = "superlearner.demo.one_for_one:DemoOneForOne"
    assert (5, 4, 6) == within(tmp_path, "", look, module=module, text=other)
    assert text == path.read_text()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("nonsense", "NameError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("raise BaseException('no')", "BaseException: no"),
        ("while True: pass", "EndlessLoop"),
    ],
    ids=["wrong name", "ends", "no usual error", "loops"],
)
def test_a_source_that_does_not_run_is_refused_and_the_old_one_goes_on(tmp_path: Path, source: str, why: str) -> None:
    """Regression: a source that looped ended the sandbox's service, and with it the sandbox."""

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        GenServer.cast(at(node, "a"), "tick")
        report = await GenServer.call(service, ("reload", source))
        return report["refused"], await GenServer.call(at(node, "a"), "get")

    refused, count = within(tmp_path, COUNTER, look, held_s=0.2)
    assert refused.startswith("nothing has changed: the new source cannot be used: ")
    assert why in refused
    assert 1 == count


def test_an_endless_loop_ends_its_process_and_no_other(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        other, spinning = at(node, "b"), at(node, "a")
        GenServer.cast(other, "tick")
        GenServer.cast(spinning, "spin")
        reason = await otp.wait_down(spinning)
        heard = await GenServer.call(service, ("next",))
        return reason, heard, other is at(node, "b"), await GenServer.call(at(node, "a"), "get")

    reason, heard, same, count = within(tmp_path, COUNTER, look, held_s=0.2)
    said = "the loop in line 9 did not end within 0.2 s, so no other process could run; return from the callback"
    assert f"EndlessLoop({said!r})" == text_of_reason(reason)
    assert str(where_of(reason)).startswith("main.py:")
    call = (reason, ("gen_server", "call", ["a", "x"]))
    assert text_of_reason(call).startswith("its call to a failed: a crashed at main.py:")
    assert heard["notices"][0].startswith("a held the loop for 0.2 s: main.py, line ")
    assert (True, 0) == (same, count)


@pytest.mark.parametrize(
    ("imported", "called"), [("import time", "time.sleep(9)"), ("from time import sleep", "sleep(\n                9)")]
)
def test_a_sleep_that_holds_the_loop_is_no_endless_loop(tmp_path: Path, imported: str, called: str) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        sleeping = at(node, "a")
        GenServer.cast(sleeping, "spin")
        return repr(await otp.wait_down(sleeping))

    sleeps = COUNTER.replace("            pass\n", f"            {called}\n")
    reason = within(tmp_path, f"{imported}\n{sleeps}", look, held_s=0.2)
    assert "BlockedLoop" in reason
    assert "EndlessLoop" not in reason
    assert "time.sleep blocks the one thread of the runtime, and with it every process; use await asyncio.sle" in reason


def test_an_endless_loop_that_makes_garbage_is_ended_in_its_own_lines_and_not_in_the_collector(tmp_path: Path) -> None:
    """Regression: an exception raised in the garbage collector's callback was lost."""
    makes_garbage = "import gc\n" + COUNTER.replace("            pass\n", "            gc.collect(0)\n")
    collector = Collector()

    def listens(phase: str, info: dict[str, int]) -> None:  # as a library does, and for longer than ours
        for _ in range(200):
            pass

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        spinning = at(node, "a")
        GenServer.cast(spinning, "spin")
        reason = await otp.wait_down(spinning)
        return reason, (await GenServer.call(service, ("next",)))["notices"]

    collector.open()
    gc.callbacks.append(listens)
    try:
        reason, notices = within(tmp_path, makes_garbage, look, held_s=0.2)
    finally:
        gc.callbacks.remove(listens)
        collector.close()
    assert str(where_of(reason)).startswith("main.py:")
    assert re.fullmatch(r"a held the loop for 0\.2 s: main\.py, line 1[01]; it was ended there", notices[0])


def test_a_simulated_hang_is_reported_as_a_simulation(tmp_path: Path) -> None:
    """Regression: the notice named a process without a name, and a file and line of the platform."""

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        await begin(node, Plan("hang", node.processes()[0], duration=30.0))
        return await GenServer.call(service, ("next",))

    heard = within(tmp_path, COUNTER, look, held_s=0.2)
    assert ["the simulation `hang` held the loop for 0.2 s; it was ended there"] == heard["notices"]
