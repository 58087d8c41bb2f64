"""Mistakes of a source that loads: found before a process meets them, each at its line; correct sources have none."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import superlearner.demo
from superlearner.control.mistakes import own_nodes
from superlearner.sandbox.review import review
from superlearner.sandbox.template import templates

SERVER = """\
import asyncio
import otp
from otp import Children, Continue, GenServer, Ignore, NoReply, Ok, Reply, Stop, Supervisor

async def load(key):
    return key

class Counter(GenServer[int]):
    async def init(self, start):
        return Ok(start)
    async def handle_call(self, request, caller, n):
        return Reply(n, n)
    async def handle_cast(self, request, n):
        match request:
            case "increment":
                return NoReply(n + 1)
            case _:
                return Stop("asked", n)
    async def work(self):
        return 1
"""


def load(text: str) -> ModuleType:
    spec = importlib.util.spec_from_loader("main", None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(text, "main.py", "exec"), vars(module))
    return module


def found(text: str) -> list[tuple[int, str]]:
    return [(one["line"], one["text"]) for one in review(load(text), text)]


def after(old: str, new: str) -> list[tuple[int, str]]:
    assert old in SERVER
    return found(SERVER.replace(old, new, 1))


SHARED = (
    "all Counter processes share seen, which belongs to the class and survives a restart: create it in init "
    "and return it in the state"
)
DEFAULT = "this default is created once and shared by all processes: create it in the body of init"
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
        ("return Ok(start)", "return NoReply(0)", 10, f"init returns NoReply(…), and the runtime expects {INIT}"),
        ("return Ok(start)", "self.count = start", 10, f"a `return` is missing: init returns {INIT}"),
        ("return NoReply(n + 1)", "otp.NoReply(n + 1)", 16, "a `return` is missing before otp.NoReply(…)"),
        ("return NoReply(n + 1)", "return Reply(n, n + 1)", 16,
         "handle_cast returns Reply(…), and the runtime expects NoReply(…) or Stop(…)"),
        ("return Reply(n, n)", "return n", 12,
         "handle_call returns n, and the runtime expects Reply(…), NoReply(…) or Stop(…): write return Reply(n, n)"),
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


TREE = """\
class Main(Supervisor):
    def init(self, arg):
        return Children([Counter.child_spec(0, name="counter")])
"""


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
        ((_, says),) = found(text.replace("NoReply(n + 1)", f"NoReply({used})"))
        assert f"child_spec({example}" in says
    for old, better in [
        ("NoReply(n + 1)", "NoReply((n or 0) + 1)"),
        ("NoReply(n + 1)", "NoReply(1 if n is None else n + 1)"),
        ("NoReply(n + 1)", "NoReply(n)"),
        ("Ok(start)", "Ok(0)"),
        ("return Ok(start)", "start = 0; return Ok(start)"),
        ("return Ok(start)", "print(isinstance(start, int)); return Ok(start)"),
        ("return Ok(start)", "assert start == 0\n        return Ok(start)"),
        ("return Ok(start)", "try: return Ok(start + 1)\n        except TypeError: return Ok(start)"),
        ("return Ok(start)", "return Ok(KINDS[start])"),
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


@pytest.mark.parametrize(
    ("old", "new", "line", "say"),
    [
        (
            "return NoReply(n + 1)",
            'otp.send(self.pid, "tick")\n                return NoReply(n)',
            16,
            "Counter has no handle_info, so it drops this message",
        ),
        (
            "return NoReply(n + 1)",
            'otp.send_after(1, self.pid, "tick")\n                return NoReply(n)',
            16,
            "Counter has no handle_info, so it drops this message",
        ),
        (
            "return Reply(n, n)",
            "yield Reply(n, n)",
            12,
            "handle_call contains `yield`, so calling it returns a generator: use `return` instead",
        ),
        (
            "    async def init",
            "    seen = []\n    def note(self, what):\n        self.seen.append(what)\n    async def init",
            11,
            SHARED,
        ),
        (
            "    async def init",
            "    seen = {}\n    def note(self, what):\n        self.seen[what] = 1\n    async def init",
            11,
            SHARED,
        ),
        (
            "init(self, start):\n",
            "init(self, start, items=[]):\n        items.append(start)\n",
            9,
            DEFAULT,
        ),
        ("init(self, start):\n", "init(self, start, *, items=[]):\n        items += [start]\n", 9, DEFAULT),
        (
            "    async def init",
            "    seen = []\n    def note(self, what):\n        self.seen += [what]\n    async def init",
            11,
            SHARED,
        ),
        (
            "    async def init",
            "    seen = __import__('collections').deque()\n    def note(self, what):\n"
            "        self.seen.appendleft(what)\n    async def init",
            11,
            SHARED,
        ),
        (
            "    async def init",
            "    seen = __import__('collections').defaultdict(list)\n    def note(self, what):\n"
            "        self.seen[what].append(1)\n    async def init",
            11,
            SHARED,
        ),
        (
            "return Reply(n, n)\n",
            "Counter.seen.append(n)\n        return Reply(n, n)\n    seen = []\n",
            12,
            SHARED,
        ),
    ],
    ids=["info", "later", "generator", "list", "dict", "default", "keyword", "plus", "deque", "member", "class"],
)
def test_a_mistake_that_causes_no_crash_is_found(old: str, new: str, line: int, say: str) -> None:
    """Regression: nothing said why a message had no effect, or why two servers had the same items."""
    assert [(line, say)] == after(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "    async def init",
            "    ROOMS = ['a']\n    def rooms(self):\n        return self.ROOMS[0]\n    async def init",
        ),
        (
            "    async def work",
            "    def handle_info(self, message, n):\n        otp.send(self.pid, 1)\n        return NoReply(n)\n"
            "    async def work",
        ),
    ],
)
def test_a_constant_of_a_class_and_a_message_that_is_handled_are_no_mistakes(old: str, new: str) -> None:
    assert [] == after(old, new)


def test_a_cast_to_a_name_that_no_process_has_is_found() -> None:
    """Regression: such a cast is ignored, and nothing said so."""
    text = (SERVER + TREE).replace("return NoReply(n + 1)", 'GenServer.cast("ledger", 1); return NoReply(n)')
    assert [(16, "no process has the name 'ledger', so this cast does nothing")] == found(text)


SPEC = "spec = Counter.child_spec(1)\n        "


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return Children([", f'{SPEC}spec.name = "ledger"\n        return Children([spec, '),
        ("return Children([", f"{SPEC}spec.name = arg\n        return Children([spec, "),
        ("return Children([", f'{SPEC}setattr(spec, "name", "ledger")\n        return Children([spec, '),
        ("import asyncio\n", "import asyncio\nfrom superlearner import control\n"),
        ("return Children([", "control = __import__('superlearner.control')\n        return Children(["),
        ("return Children([", "otp.node().register('ledger', otp.self())\n        return Children(["),
        ("return Children([", "give = otp.register\n        give('ledger', otp.self())\n        return Children(["),
        ("return Children([", "return Children([otp.TaskSupervisor, "),
        ("return Children([", "return Children([otp.TaskSupervisor.child_spec(), "),
        (
            "class Main(Supervisor):",
            'class Named(Counter):\n    NAME = "counter"\n    @classmethod\n    def spec(cls):\n'
            '        return cls.child_spec(0, name=cls.NAME)\n'
            'class Ledger(Named):\n    NAME = "ledger"\n'
            "class Main(Supervisor):",
        ),
    ],
    ids=["name", "computed", "setattr", "import", "dynamic", "node", "alias", "class", "spec", "inherited"],
)  # fmt: skip
def test_a_cast_to_a_name_that_something_may_give_is_no_mistake(old: str, new: str) -> None:
    """Regression: only `name=` and `otp.register` were read, so the other ways to a name were blamed."""
    text = (SERVER + TREE).replace("return NoReply(n + 1)", 'GenServer.cast("ledger", 1); return NoReply(n)')
    assert old in text
    assert [] == found(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    async def work", "    async def init(self, start):\n        otp.send_after(1, self.pid, 'tick')\n"
         "        return Ok(start)\n    async def work"),
        ("return Reply(n, n)", "otp.send(self.pid, 1)\n        return Reply(await otp.receive(), n)"),
    ],
    ids=["subclass", "receive"],
)  # fmt: skip
def test_a_message_that_a_subclass_handles_or_the_callback_receives_is_no_mistake(old: str, new: str) -> None:
    """Regression: the base of a server with a `handle_info` was blamed, and a callback that received its message."""
    clock = "class TickingClock(Counter):\n    def handle_info(self, message, n):\n        return NoReply(n)\n"
    text = SERVER.replace(old, new, 1)
    assert [] == found(text + clock if "receive" not in new else text)


def test_a_state_of_the_module_that_a_callback_changes_is_found() -> None:
    text = SERVER.replace("async def load", "shared = []\nasync def load").replace("Ok(start)", "Ok(shared)")
    assert [] == found(text)
    changed = text.replace("return Reply(n, n)", "n.append(1)\n        return Reply(n, n)")
    says = "all Counter processes share shared, which belongs to the module and survives a restart"
    assert [(11, f"{says}: create it in init and return it in the state")] == found(changed)
    assert [] == found(changed.replace("Ok(shared)", "Ok(shared.copy())"))


def test_a_default_of_the_start_argument_is_told_not_to_be_used() -> None:
    """Regression: the state was None, and nothing said so."""
    text = (SERVER + TREE).replace("init(self, start):", "init(self, start=[]):")
    text = text.replace("Counter.child_spec(0, name", "Counter.child_spec(name")
    said = "Counter gets no start argument, so start is None in its init: write Counter.child_spec([], name='counter')"
    assert [said] == [words for _, words in found(text)]


@pytest.mark.parametrize(
    "new",
    [
        "init(self, start=[]):\n        start = [*start]",
        "init(self, start=[]):\n        start.append(1)",
        "init(self, start, kinds=['a', 'b']):\n        print(kinds[0])",
        "init(self, start, *, kinds=['a', 'b']):\n        print(kinds[0])",
        "init(self, start, items=[]):\n        return Ok((start, items))",
        "init(self, start, items=[]):\n        items = [*items]\n        items.append(1)",
        "init(self, start, items=[]):\n        return Ok((start, len(items)))",
    ],
    ids=["first", "given", "read", "keyword", "unchanged", "copied", "counted"],
)
def test_a_default_of_init_that_nothing_changes_is_no_mistake(new: str) -> None:
    """Regression: each list as a default was blamed; the runtime always gives the first argument."""
    assert [] == after("init(self, start):", new)


def test_a_default_of_init_in_a_state_that_a_callback_changes_is_found() -> None:
    text = SERVER.replace("init(self, start):", "init(self, start, items=[]):", 1)
    text = text.replace("return Ok(start)", 'return Ok({"items": items})', 1)
    assert [] == found(text)
    changed = text.replace("return Reply(n, n)", 'n["items"].append(1)\n        return Reply(n, n)', 1)
    assert [(9, DEFAULT)] == found(changed)
    copied = text.replace("return Reply(n, n)", "items = [*n]\n        items.append(1)\n        return Reply(n, n)", 1)
    assert [] == found(copied)


def test_a_default_of_init_of_a_supervisor_is_no_mistake() -> None:
    text = (SERVER + TREE).replace("init(self, arg):", "init(self, arg, kinds=[]):\n        kinds.append(1)")
    assert [] == found(text)


@pytest.mark.parametrize(
    "more",
    [
        'Counter.handlers["a"] = load\n',
        "Counter.handlers.update(a=load)\n",
        "Counter.handlers |= {'a': load}\n",
        "def handles(name):\n    def add(function):\n        Counter.handlers[name] = function\n"
        "        return function\n    return add\n@handles('a')\ndef of_a(): return 1\n",
        "class ListedCounter(Counter):\n    def __init_subclass__(cls):\n        cls.handlers[cls.__name__] = cls\n",
        "class OwnTable(Counter):\n    def note(self):\n        self.handlers = {}\n        self.handlers['a'] = 1\n",
        "class StaticTable(Counter):\n    @staticmethod\n    def fill(room):\n        room.handlers['a'] = 1\n",
    ],
    ids=["item", "update", "or", "decorator", "subclasses", "own", "static"],
)
def test_a_table_of_a_class_that_the_module_fills_is_no_mistake(more: str) -> None:
    """Regression: a constant table that a module filled when it loaded was blamed."""
    assert [] == found(SERVER.replace("    async def init", "    handlers = {}\n    async def init", 1) + more)


def test_a_change_of_an_inherited_list_is_found() -> None:
    """Regression: the list of a base of the same source was not looked up."""
    text = SERVER.replace("    async def init", "    seen = []\n    async def init", 1)
    text += "class NotingCounter(Counter):\n    def note(self, what):\n        self.seen.append(what)\n"
    assert [(24, SHARED.replace("Counter", "NotingCounter"))] == found(text)
