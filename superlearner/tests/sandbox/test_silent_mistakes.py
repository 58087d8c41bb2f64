"""Mistakes that cause no crash: shared states, messages and casts that nothing handles, unused defaults."""

from __future__ import annotations

import pytest

from reviewed_program import SERVER, TREE, after, found

SHARED = (
    "all Counter processes share seen, which belongs to the class and survives a restart: create it in init "
    "and return it in the state"
)
DEFAULT = "this default is created once and shared by all processes: create it in the body of init"


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


def test_the_result_of_changing_a_dict_of_the_module_is_found() -> None:
    """Regression: the state was None, and nothing said so."""
    text = SERVER.replace("async def load", "scores = {}\nasync def load")
    says = "scores.update(…) changes scores and returns None: write it on a line of its own, and use scores after it"
    wrong = text.replace("NoReply(n + 1)", "NoReply(scores.update({request: 1}))")
    assert [says] == [words for _, words in found(wrong)]
    assert [says] == [
        words
        for _, words in found(
            text.replace("return NoReply(n + 1)", "n = scores.update(a=1)\n                return NoReply(n)")
        )
    ]
    assert [] == found(text.replace("NoReply(n + 1)", "NoReply(scores.setdefault(request, 1))"))
    assert [] == found(
        text.replace("return NoReply(n + 1)", "scores = {}\n                return NoReply(scores.update(a=1))")
    )


def test_a_default_of_the_start_argument_is_told_not_to_be_used() -> None:
    """Regression: the state was None, and nothing said so."""
    text = (SERVER + TREE).replace("init(self, start):", "init(self, start=[]):")
    text = text.replace("Counter.child_spec(0, name", "Counter.child_spec(name")
    said = "Counter gets no start argument, so start is None in its init: write Counter.child_spec([], name='counter')"
    assert [said] == [words for _, words in found(text)]
    assert [] == found(text.replace("start=[]", "start=None"))
    assert [] == found(text.replace("start=[]", "start=0").replace("Ok(start)", "Ok(0)"))


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
