"""Mistakes of a source that loads: found before a process meets them, each at its line; correct sources have none."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any

import pytest

import superlearner.demo
from reviewed_program import SERVER, TREE, after, found, load
from superlearner.control.mistakes import own_nodes
from superlearner.sandbox import undefined
from superlearner.sandbox.messages import MOST_WARNINGS
from superlearner.sandbox.review import review
from superlearner.sandbox.template import templates

AWAITED = "which does nothing without it"


@pytest.mark.parametrize(
    ("old", "new", "line", "call"),
    [
        ("return Reply(n, n)", 'v = GenServer.call("b", "x")\n        return Reply(v, n)', 12, "GenServer.call"),
        ("return Reply(n, n)", "asyncio.sleep(1)\n        return Reply(n, n)", 12, "asyncio.sleep"),
        ("return Reply(n, n)", 'return Reply(GenServer.call("b", 1), n)', 12, "GenServer.call"),
        ("return Reply(n, n)", "return Reply((1, [load(1)]), n)", 12, "load"),
        ("return Reply(n, n)", "v = load(1)\n        return Reply(f'{v}', n)", 12, "load"),
        ("NoReply(n + 1)", "NoReply(n + load(1))", 16, "load"),
        ("NoReply(n + 1)", "NoReply(state=self.work())", 16, "self.work"),
        ("NoReply(n + 1)", "NoReply(load(n))", 16, "load"),
        ("return Ok(start)", "if otp.receive(timeout=1): pass\n        return Ok(start)", 10, "otp.receive"),
        ("return Ok(start)", "Counter.start_link(1)\n        return Ok(start)", 10, "Counter.start_link"),
        ("return Ok(start)", "otp.send(start, load(1))\n        return Ok(start)", 10, "load"),
    ],
)  # fmt: skip
def test_a_missing_await_is_found_with_its_line(old: str, new: str, line: int, call: str) -> None:
    """Regression: Run said nothing; the reply and the state were coroutines."""
    assert [(line, f"`await` is missing before the call of {call}, {AWAITED}")] == after(old, new)


def test_a_state_that_a_change_in_place_makes_none_is_found_with_its_line() -> None:
    """Regression: Run said nothing, and the state was None after the first cast."""
    says = "the state becomes None: n.append changes n and returns None; write NoReply(n + [1])"
    assert after("NoReply(n + 1)", "NoReply(n.append(1))") == [(16, says)]
    own = "class Jar:\n    def append(self, n): return self\n"
    assert found(SERVER.replace("NoReply(n + 1)", "NoReply(n.append(1))") + own) == []


UNDEFINED = " is not defined: "


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("n + 1", "grams", 16, "grams: the state, if you mean it, is the last argument of handle_cast: n"),
        ("n + 1", "len(str(n)) + x", 16, "x: did you mean 'n'?"),
        ("NoReply(n + 1)", "NoRepl(n)", 16, "NoRepl: did you mean 'NoReply'?"),
        ("import Children, Continue, GenServer, Ignore, NoReply, Ok", "import Children, GenServer, Ok", 16,
         "NoReply: add `from otp import NoReply` at the top"),
        ("Reply(n, n)", "Reply(math.sqrt(n), n)", 12, "math: add `import math` at the top"),
        ("n + 1", "work() + n", 16, "work: did you mean self.work?"),
        ("return 1", "found = Conter.child_spec(0)\n        return found", 20, "Conter: did you mean 'Counter'?"),
        ("return 1", "total: Missing = 1\n        return [unheard(one) for one in totl]", 21,
         "totl: did you mean 'total'?"),
        ("    async def work(self):\n", "    prices = 1\n    def work(self):\n        yield lambda: prices\n", 21,
         "prices: define it first, or correct it"),
        ("n + 1", "total", 16, "total: the state, if you mean it, is the last argument of handle_cast: n"),
        ("n + 1", "this.n", 16, "this: did you mean 'self'?"),
    ],
)  # fmt: skip
def test_a_name_that_nothing_defines_is_found_with_its_line(old: str, new: str, line: int, says: str) -> None:
    """Regression: Run said nothing; the process crashed at the first message."""
    name, _, advice = says.partition(": ")
    assert (line, f"the name {name}{UNDEFINED}{advice}") in after(old, new)


@pytest.mark.parametrize(
    "new",
    [
        "for x in (1,): n += x\n                return NoReply(n)",
        "return NoReply(sum(x for x in (1,)) + (lambda y: y)(n))",
        "import os as system\n                return NoReply(len(system.sep))",
        "try: pass\n                except ValueError as e: print(e)\n                return NoReply(n)",
        "match n:\n                    case [a, *b] | {'x': a, **b}: print(a, b)\n                return NoReply(n)",
        "z: Missing = 1\n                return NoReply(n + z)",
        "def inner(q, *w, k=1, **m): return q, w, k, m, n\n                return NoReply(inner(1))",
        "if (found := n): print(found, __name__, __class__)\n                return NoReply(n)",
        "global shared\n                shared = 1\n                return NoReply(n + shared)",
        "class Own:\n                    one = 1\n                    two = one\n                return NoReply(Own)",
        "with open('a') as file: print(file)\n                return NoReply(n)",
        "x = 1\n                del x\n                return NoReply(n)",
        "return NoReply([a + b for a in (1,) for b in (a,)])",
        "return NoReply(LATER + maybe() + gone + sqrt(n))",
        "try: return NoReply(n + unknown)\n                except (NameError, KeyError): return NoReply(n)",
        "try: return NoReply(n + unknown)\n                except Exception: return NoReply(n)",
        "try: return NoReply(n + unknown)\n                except: return NoReply(n)",
        "try: n += unknown\n                except* NameError: print(n)\n                return NoReply(n)",
        "with contextlib.suppress(NameError): n += unknown\n                return NoReply(n)",
        "globals()['made'] = 1\n                return NoReply(made)",
    ],
)
def test_a_name_that_is_defined_anywhere_is_no_mistake(new: str) -> None:
    more = "\nLATER = 1\nif not LATER:\n    def maybe(): return 1\ngone = 1\ndel gone\n"
    more += "import contextlib\nfrom math import *\n"
    text = SERVER.replace("return NoReply(n + 1)", new, 1) + more
    assert [words for _, words in found(text) if UNDEFINED in words] == []


def test_an_annotated_name_without_a_value_is_not_suggested_for_itself() -> None:
    text = "count: int\n\ndef add():\n    return count + 1\n"
    assert found(text) == [(4, "the name count is not defined: define it first, or correct it")]


def test_no_more_names_are_explained_than_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: 800 names held the loop of the sandbox for some seconds."""
    explained = list[str]()
    monkeypatch.setattr(undefined, "explain_slip", lambda *one: explained.append(one[1]))
    text = "".join(f"def work_{at}():\n    return lacks_{at}\n" for at in range(MOST_WARNINGS + 9))
    assert [line for line, _ in found(text)] == [2 * at + 2 for at in range(MOST_WARNINGS)]
    assert len(explained) == MOST_WARNINGS


def test_a_callback_that_cannot_take_its_arguments_is_found_with_its_line() -> None:
    """Regression: Run said nothing; the process crashed at the first message."""
    says = "expected handle_cast(self, request, state) in Counter, as in GenServer, got handle_cast(request, n)"
    assert (13, says) in after("handle_cast(self, request, n)", "handle_cast(request, n)")
    says = "expected handle_call(self, request, caller, state) in Counter, as in GenServer, got handle_call(self, n)"
    assert (11, says) in after("request, caller, n)", "n)")
    assert after("handle_cast(self, request, n)", "handle_cast(self, request, n, *more, a=1)") == []


def test_a_callback_that_is_inherited_is_one_mistake() -> None:
    """Regression: each class on it had the sentence once more."""
    text = SERVER.replace("request, caller, n)", "n)") + "\nclass Two(Counter): pass\n\nclass Three(Two): pass\n"
    assert [line for line, words in found(text) if "handle_call" in words and "in GenServer" in words] == [11]


def test_names_that_an_import_may_bring_are_no_mistakes() -> None:
    text = "try:\n    from nowhere import *\nexcept ImportError:\n    pass\n\ndef work():\n    return brought\n"
    assert found(text) == []


def test_a_call_outside_of_functions_is_told_from_a_missing_await() -> None:
    """Regression: the hint was `await`, which Python refuses at this place."""
    todo = "make the call in a callback, or from the tab Process"
    say = f"no process runs at this place, so GenServer.call does nothing: {todo}"
    text = f"{SERVER}print(GenServer.call('till', 'total'))"
    assert [{"line": 21, "text": say}] == review(load(SERVER), text)


def test_a_missing_await_in_a_plain_function_names_it() -> None:
    text = SERVER.replace("async def handle_cast", "def handle_cast").replace(
        "match request", "load(1)\n        match request"
    )
    say = f"`await` is missing before the call of load, {AWAITED}; `handle_cast` has to be an `async def` for that"
    assert [(14, say)] == found(text)


@pytest.mark.parametrize(
    "new",
    [
        "return Reply(await load(1), n)",
        "v = load(1)\n        return Reply(await v, n)",
        "await asyncio.gather(load(1), *[load(k) for k in range(2)])\n        return Reply(n, n)",
        "task = asyncio.create_task(load(1))\n        return Reply(await task, n)",
        "for each in (load(1), load(2)): await each\n        return Reply(n, n)",
        "v = load(1)\n        later = [v]\n        return Reply(await later[0], n)",
        "def load(key): return key\n        load(1)\n        return Reply(n, n)",
        "v = load(1)\n        return Reply(await asyncio.wait_for(v, 1), n)",
        "v = load(1)\n        v.close()\n        return Reply(n, n)",
    ],
)
def test_a_coroutine_that_something_awaits_is_no_mistake(new: str) -> None:
    assert [] == after("return Reply(n, n)", new)


INIT = "Ok(…), Stop(…) or Ignore()"


@pytest.mark.parametrize(
    ("old", "new", "line", "say"),
    [
        ("return Ok(start)", "Ok(start)", 10, "a `return` is missing before Ok(…)"),
        ("return Ok(start)", "return start", 10,
         f"init returns start, and the runtime expects {INIT}: write return Ok(start)"),
        ("return Ok(start)", "return 0", 10, f"init returns 0, and the runtime expects {INIT}"),
        ("return Ok(start)", "return NoReply(0)", 10,
         f"init returns NoReply(…), and the runtime expects {INIT}: write return Ok(0)"),
        ("return Ok(start)", "self.count = start", 10, f"a `return` is missing: init returns {INIT}"),
        ("return NoReply(n + 1)", "otp.NoReply(n + 1)", 16, "a `return` is missing before otp.NoReply(…)"),
        ("return NoReply(n + 1)", "return Reply(n, n + 1)", 16,
         "handle_cast returns Reply(…), and the runtime expects NoReply(…) or Stop(…): write return NoReply(n + 1)"),
        ("return NoReply(n + 1)", "return Reply('ok', n, 5.0)", 16,
         "handle_cast returns Reply(…), and the runtime expects NoReply(…) or Stop(…)"),
        ("return NoReply(n + 1)", "return Reply('ok')", 16,
         "handle_cast returns Reply(…), and the runtime expects NoReply(…) or Stop(…)"),
        ("return NoReply(n + 1)", "return Ok(n, 5.0)", 16,
         "handle_cast returns Ok(…), and the runtime expects NoReply(…) or Stop(…)"),
        ("return Reply(n, n)", "return n", 12,
         "handle_call returns n, and the runtime expects Reply(…), NoReply(…) or Stop(…): write return Reply(n, n)"),
        ("return Reply(n, n)", "return request", 12,
         "handle_call returns request, and the runtime expects Reply(…), NoReply(…) or Stop(…)"),
    ],
)  # fmt: skip
def test_a_wrong_result_is_found_before_a_process_meets_it(old: str, new: str, line: int, say: str) -> None:
    """Regression: a hot reload does not run `init`, so its mistake showed at the next restart, perhaps as its end."""
    assert [(line, say)] == after(old, new)


@pytest.mark.parametrize(
    "new",
    [
        "return Ignore()", "return Stop('no')", "return Ok(start, then=Continue('load'))",
        "start = Ok(start)\n        return start", "raise ValueError(start)", "otp.exit(1)",
        "return self.made(start)", "...",
        "if start:\n            return Ok(start)\n        return Ok(0)",
    ],
)  # fmt: skip
def test_a_result_that_may_be_right_is_no_mistake(new: str) -> None:
    assert [] == after("return Ok(start)", new)


@pytest.mark.parametrize(
    ("old", "new", "line", "say"),
    [
        ("return Ok(start)", 'otp.send_after(1, otp.self, "go")\n        return Ok(start)', 10, "otp.self"),
        ("return Ok(start)", 'otp.send("log", ("at", otp.monotonic))\n        return Ok(start)', 10, "otp.monotonic"),
        ("return Ok(start)", "me = otp.self\n        return Ok((start, me))", 10, "otp.self"),
        ("return Reply(n, n)", "return Reply(caller.pid == otp.self, n)", 12, "otp.self"),
        ("return Reply(n, n)", "return Reply(self.work, n)", 12, "self.work"),
        ("return Reply(n, n)", "self.work\n        return Reply(n, n)", 12, "self.work"),
    ],
)
def test_a_function_without_parentheses_is_found(old: str, new: str, line: int, say: str) -> None:
    """Regression: the message went to a function, and the program did nothing without a word."""
    assert [(line, f"parentheses are missing: {say} is not called, write {say}()")] == after(old, new)


@pytest.mark.parametrize(
    "new",
    [
        "me = otp.self\n        return Reply(me(), n)",
        "otp.spawn(load, n)\n        return Reply(otp.self(), n)",
        "print(max([n], key=abs))\n        return Reply(n, n)",
        "otp.send(n, self.work)\n        return Reply(n, n)",
    ],
)
def test_a_function_that_is_passed_on_is_no_mistake(new: str) -> None:
    assert [] == after("return Reply(n, n)", new)


BLOCKED = "blocks the one thread of the runtime, and with it every process"
# These sources are read and never run: nothing here sleeps.
SLEEP = f"time.sleep {BLOCKED}; use await asyncio.sleep(…)"


@pytest.mark.parametrize(
    ("old", "new", "line", "say"),
    [
        ("return Reply(n, n)", "time.sleep(1)\n        return Reply(n, n)", 13, SLEEP),
        ("return 1", "time.sleep(1)", 21, SLEEP),
        ("return key", "time.sleep(1)", 7, SLEEP),
        ("return key", "from time import sleep\n    sleep(1)", 8, SLEEP.removeprefix("time.")),
        ("return key", "import time as clock\n    clock.sleep(1)", 8, SLEEP.replace("time", "clock", 1)),
        ("async def init(self, start):", "def init(self, start):\n        time.sleep(1)", 11,
         f"{SLEEP}; `init` has to be an `async def` for that"),
        ("return Reply(n, n)", "pause()\n        return Reply(n, n)\n    @staticmethod\n    def idle():\n"
         "        time.sleep(2)\ndef pause():\n    time.sleep(1)\nclass Other(Counter):", 19,
         f"{SLEEP}; `pause` has to be an `async def` for that"),
        ("return Reply(n, n)", "subprocess.run('ls')\n        return Reply(n, n)", 13,
         f"subprocess.run {BLOCKED}; use await otp.Task.run_blocking(…)"),
    ],
)  # fmt: skip
def test_a_call_that_holds_the_loop_is_found(old: str, new: str, line: int, say: str) -> None:
    """Regression: `time.sleep(1)` held all processes, and no line was named."""
    assert old in SERVER
    assert [(line, say)] == found("import subprocess, time\n" + SERVER.replace(old, new, 1))


@pytest.mark.parametrize(
    "new",
    [
        "await asyncio.to_thread(pause)\n        return Reply(n, n)",
        "await asyncio.to_thread(lambda: time.sleep(1))\n        return Reply(n, n)",
        "def sleep(s): pass\n        sleep(1)\n        return Reply(n, n)",
        "await otp.Task.run_blocking(time.sleep, 1)\n        return Reply(n, n)",
    ],
)
def test_a_call_that_blocks_another_thread_is_no_mistake(new: str) -> None:
    text = SERVER.replace("return Reply(n, n)", new)
    assert [] == found(f"import time\ndef pause():\n    time.sleep(1)\n{text}")


def test_a_call_that_nothing_can_answer_is_found() -> None:
    """Regression: the caller waited for five seconds, and its line was named."""
    say = (
        "handle_call returns NoReply(…) and does not keep caller, "
        "so the caller waits until its time-out: return Reply(value, state)"
    )
    assert [(12, say)] == after("return Reply(n, n)", "return NoReply(n)")
    assert [] == after("return Reply(n, n)", "return NoReply((n, caller))")
    assert [] == after("return Reply(n, n)", "GenServer.reply(caller, n)\n        return NoReply(n)")


def test_a_wait_that_outlasts_the_callers_is_found_at_its_line() -> None:
    """Regression: the correct line of the caller was marked, and nothing named the wait.

    The sources here are only read; nothing in them runs, so no test waits.
    """
    says = "handle_call waits for 30 s, but a call only 5 s: answer first, and do slow work in a separate process"
    assert [(12, says)] == after("return Reply(n, n)", "await asyncio.sleep(30)\n        return Reply(n, n)")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return Reply(n, n)", "await asyncio.sleep(4)\n        return Reply(n, n)"),
        ("return NoReply(n + 1)", "await asyncio.sleep(30)\n                return NoReply(n)"),
        ("return Reply(n, n)", "GenServer.reply(caller, n); await asyncio.sleep(30)\n        return NoReply(n)"),
        (
            "return Reply(n, n)",
            'await asyncio.sleep(30)\n        return Reply(await GenServer.call("b", 1, timeout=60), n)',
        ),
    ],
)
def test_a_wait_that_no_call_outlasts_is_no_mistake(old: str, new: str) -> None:
    assert [] == after(old, new)


@pytest.mark.parametrize(
    "new",
    [
        'await GenServer.call("conter", "value")',
        'GenServer.cast("countr", "increment")',
        'otp.send_after(1, "cuonter", "go")',
        'otp.whereis("count")',
        "otp.send(WRONG, 1)",
    ],
)
def test_a_misspelt_name_of_a_process_is_found(new: str) -> None:
    """Regression: a cast to a name that no process has was lost without a word."""
    text = f'WRONG = "countre"\n{SERVER}{TREE}'.replace("return Reply(n, n)", f"{new}\n        return Reply(n, n)")
    ((line, said),) = found(text)
    assert (13, True) == (line, said.endswith(": did you mean 'counter'?"))


@pytest.mark.parametrize("child", ["Counter.child_spec(0)", 'Counter.child_spec(0, id="a")', "Counter", "(Counter, 0)"])
@pytest.mark.parametrize("name", ["counter", "Counter"])
def test_a_child_without_the_name_that_others_use_is_found_at_its_spec(child: str, name: str) -> None:
    """Regression: the correct line of the caller was marked."""
    text = (SERVER + TREE).replace('Counter.child_spec(0, name="counter")', child)
    text = text.replace("return Reply(n, n)", f'GenServer.cast("{name}", 1)\n        return Reply(n, n)')
    says = f'no child has name="{name}", which line 12 needs: write Counter.child_spec(…, name="{name}")'
    (spec,) = (number for number, line in enumerate(text.splitlines(), 1) if "Children([" in line)
    assert [(spec, says)] == found(text)


@pytest.mark.parametrize("child", ['Counter.child_spec(0, name="counter")', "Counter.child_spec(0, **OPTIONS)", "load"])
def test_a_child_with_a_name_and_a_class_that_is_no_child_lack_none(child: str) -> None:
    text = 'OPTIONS = {"name": "counter"}\n' + (SERVER + TREE).replace('Counter.child_spec(0, name="counter")', child)
    text = text.replace("return Reply(n, n)", 'GenServer.cast("counter", 1)\n        return Reply(n, n)')
    assert [] == found(text)


@pytest.mark.parametrize(
    ("new", "call"),
    [
        ('Counter.child_spec(name="counter")', "Counter.child_spec(0, name='counter')"),
        ("Counter", "Counter.child_spec(0)"),
    ],
)
def test_a_child_without_the_start_argument_that_it_needs_is_found(new: str, call: str) -> None:
    """Regression: the reason was *a function without a `return` gives None*, but no function lacked one."""
    text = (SERVER + TREE).replace('Counter.child_spec(0, name="counter")', new)
    said = f"Counter gets no start argument, so start is None in its init: write {call}"
    assert [(23, said)] == found(text)
    copied = (SERVER + TREE).replace('Counter.child_spec(0, name="counter")', call)
    assert [] == found(copied)  # it had a name that does not exist
    uses = [
        ("n['a'] + 1", "{}"), ("n + '!'", "''"), ("n[0] + 1", "[0]"), ("n + [1]", "[]"), ("[1] * n", "0"),
        ("9 // n", "1"), ("n.append(1)", "[]"), ("n.get(1)", "{}"),
    ]  # fmt: skip
    for used, example in uses:
        *others, (_, says) = found(text.replace("NoReply(n + 1)", f"NoReply({used})"))
        assert f"child_spec({example}" in says
        assert len(others) == (1 if used == "n.append(1)" else 0)  # it returns None, too
    for old, better in [
        ("NoReply(n + 1)", "NoReply((n or 0) + 1)"),
        ("NoReply(n + 1)", "NoReply(1 if n is None else n + 1)"),
        ("NoReply(n + 1)", "NoReply(n)"),
        ("Ok(start)", "Ok(0)"),
        ("return Ok(start)", "start = 0; return Ok(start)"),
        ("return Ok(start)", "print(isinstance(start, int)); return Ok(start)"),
        ("return Ok(start)", "assert start == 0\n        return Ok(start)"),
        ("return Ok(start)", "try: return Ok(start + 1)\n        except TypeError: return Ok(start)"),
        ("return Ok(start)", "return Ok({None: 0}[start])"),
    ]:
        assert [] == found(text.replace(old, better)), better


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("conter", "counter"),
        ("conter", "Main"),
        ('name="counter"', 'name="counter"), Counter.child_spec(0, name="con" + "ter"'),
        ('name="counter"', 'name="counter"), Counter.child_spec(0, name=arg'),
        ('name="counter"', 'name="counter"), Counter.child_spec(0, **{"name": "conter"}'),
        ("return Children", 'otp.register("conter", otp.self())\n        return Children'),
        ("return Children", 'spec = Counter.child_spec(1)\n        spec.name = "conter"\n        return Children'),
    ],
)
def test_a_name_that_a_process_may_have_is_no_mistake(old: str, new: str) -> None:
    text = (SERVER + TREE).replace(
        "return NoReply(n + 1)", 'GenServer.cast("conter", 1)\n                return NoReply(n)'
    )
    assert [] == found(text.replace(old, new))


def test_the_classes_of_others_are_not_reviewed() -> None:
    assert [] == found("class Plain:\n    def init(self, start):\n        return start")


@pytest.mark.parametrize("text", [one.text for one in templates()], ids=[one.id for one in templates()])
def test_a_template_has_no_mistakes(text: str) -> None:
    assert [] == found(text)


DEMOS = sorted(Path(superlearner.demo.__file__ or "").parent.rglob("*.py"))


@pytest.mark.parametrize("file", DEMOS, ids=[one.stem for one in DEMOS])
def test_a_demo_has_no_mistakes(file: Path) -> None:
    name = ".".join(("superlearner", *file.relative_to(Path(superlearner.__file__ or "").parent).with_suffix("").parts))
    module: Any = importlib.import_module(name.removesuffix(".__init__"))
    assert [] == review(module, file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("indent", "told"),
    [
        ("", "stands outside of class Counter: indent it"),
        ("        ", "stands inside of work: indent it less"),
    ],
    ids=["beside", "inside"],
)
def test_a_callback_that_is_no_method_of_its_class_is_at_its_line(indent: str, told: str) -> None:
    callback = "@impl\ndef handle_info(self, message, n):\n    return NoReply(n)\n"
    text = SERVER.replace("import asyncio", "import asyncio; from otp import impl")
    text += "".join(f"{indent}{line}\n" for line in callback.splitlines())
    assert [(22, f"handle_info {told}")] == found(text)


def test_a_function_with_the_name_of_a_callback_that_the_class_has_is_no_mistake() -> None:
    assert [] == found(SERVER + "def handle_cast(self, request, n):\n    return None\n")
    assert [] == found(SERVER + "def terminate(process):\n    return None\n")


def test_a_function_is_read_a_few_times_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: it was read for each name in it; one of 2,000 lines took a minute."""
    readings: list[ast.AST] = []

    def count(function: Any) -> Any:
        readings.append(function)
        return own_nodes(function)

    def walk(node: Any, walk: Any = ast.walk) -> Any:
        readings.extend([node] if isinstance(node, ast.AsyncFunctionDef) else [])
        return walk(node)

    for module in ("review", "scopes", "sharing"):
        monkeypatch.setattr(f"superlearner.sandbox.{module}.own_nodes", count)
    monkeypatch.setattr(ast, "walk", walk)
    lines = "    b = a\n    c = time\n    x = work(a)\n    await x\n" * 100
    text = f"async def work(a):\n    import time\n{lines}"
    assert [] == found(text)
    assert len(readings) < 10


@pytest.mark.parametrize("result", ['Ok({"op": operator.add})', "Ok(math.sqrt)"])
def test_a_function_of_a_module_that_is_kept_in_a_state_needs_no_parentheses(result: str) -> None:
    assert [] == found(SERVER.replace("import otp", "import math, operator, otp", 1).replace("Ok(start)", result, 1))
