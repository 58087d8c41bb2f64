"""Session 12: what its checks say about common slips, what its runs measure, and what its cells print."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from otp.testing import Scheduler
from superlearner.course.course import FOLDER, Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import outcome_of, verdict_of
from superlearner.course.engine.verdict import Verdict
from superlearner.course.lesson import Cell, Exercise, Measure, Predict, Reflect

COURSE = Course()
LESSON = COURSE.lesson(12)
EXERCISES = [one.id for one in LESSON.blocks(Exercise)]
PREDICTIONS = [one.id for one in LESSON.blocks(Predict)]
ALL = {
    "requirements", "generic", "mapping", "differences", "callbacks", "calls", "remember", "strategies", "limits",
    "giveup", "supervisor", "required", "minimal", "results", "impl", "identify", "own", "tree",
}  # fmt: skip
WRONG = [(id, name) for id in EXERCISES for name in COURSE.wrong(id)]


def verdict(id: str, source: str, seeds: tuple[int, ...] = SEEDS) -> Verdict:
    return verdict_of(id, COURSE.check_source(id), source, list(seeds))


def test_the_lesson_has_every_exercise_and_prediction() -> None:
    assert {f"s12.{name}" for name in ALL} == set(EXERCISES)
    assert sorted(PREDICTIONS) == ["s12.p1", "s12.p2", "s12.p3", "s12.p4"]
    core = [id for id in EXERCISES if COURSE.exercise(id).core]
    assert core == ["s12.generic", "s12.minimal", "s12.supervisor"]
    told = {
        "minimal": {"M6", "M12", "M14", "M31", "P3"}, "strategies": {"M20", "M21"}, "tree": {"M20", "M21", "M25"},
        "supervisor": {"M20", "M21", "M22", "M24", "M25"},
    }  # fmt: skip
    for name, ids in told.items():
        assert {file.partition("_")[0] for file in COURSE.wrong(f"s12.{name}")} == ids


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s12.minimal", "return NoReply(value)", "return value", "handle_cast returned 42; expected NoReply(state)"),
        ("s12.minimal", "return NoReply(value)", "NoReply(value)", "handle_cast returned None: a `return` is missing"),
        ("s12.minimal", "return Reply(new, new)", "Reply(new, new)", "line 16: update(server, function): the server"),
        ("s12.minimal", "return NoReply(value)", "state = value", "line 22: get(server): the server ended: handle_"),
        ("s12.minimal", '("update", function):', '("updat", function):', "line 11: update(server, function): the s"),
        (
            "s12.minimal",
            '("set", value):',
            '("sett", value):',
            "returned None: no case matches ('set', 42)",
        ),
        ("s12.minimal", "return Ok(initial)", "return initial", "line 7: start(0) failed: init returned 0; expected"),
        ("s12.minimal", "return Ok(initial)", "Ok(initial)", "line 7: start(0) failed: init returned None: a `ret"),
        ("s12.minimal", "return await GenServer.call(server, (", "return GenServer.call(server, (", "line 31: update"),
        ("s12.minimal", "def set(server", "def set(self, server", "line 27: `set` is called as MinimalServer.set(s"),
        ("s12.minimal", "return await GenServer.call(server, (", "return GenServer.call(server, (", "`await` is"),
        ("s12.minimal", "NoReply(value)", "NoReply(value or state)", "answer 0 after set(server, 0), got 'mine'"),
        ("s12.minimal", "NoReply(value)", "NoReply(value or state)", "line 22: `value or state` treats some values as"),
        ("s12.minimal", "Reply(new, new)", "Reply(new, function(state))", "call its function once, got 2 calls"),
        ("s12.minimal", "new = function(state)", "new = functoin(state)", "line 15: update(server, function): the"),
        ("s12.minimal", "Reply(new, new)", "Reply(new)", "ended: TypeError: Reply.__init__() missing 1 required"),
        ("s12.minimal", '("update", function))', '("update", functoin))', "line 31: update(server, function) raised"),
        ("s12.required", "return Ok(arg)", "return arg", "init returned 0; expected Ok(state)"),
        ("s12.required", "return Ok(arg)", "Ok(arg)", "init returned None: a `return` is missing"),
        ("s12.required", "OnlyInit(GenServer)", "OnlyInit", "is the class written as OnlyInit(GenServer)?"),
        ("s12.tree", '"pool": 3', '"pool": 1', "A supervisor's children end with it"),
        ("s12.tree", '"store": 8', '"store": 9', "you said 9"),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict(id, right.replace(before, after))
    assert not found.ok
    assert said in found.steps[-1].say


def test_a_misspelt_callback_gets_one_suggestion_and_no_list_of_all_callbacks() -> None:
    found = verdict("s12.minimal", COURSE.solution("s12.minimal").replace("def handle_call", "def handle_cal"))
    expected = "expected the name of a callback after @impl in MinimalServer, got 'handle_cal'"
    assert found.steps[-1].say == f"line 10: TypeError: {expected}; did you mean 'handle_call'?"


def test_the_hint_about_falsy_values_does_not_mention_keys() -> None:
    """Regression: the hint was about keys, which the server does not have."""
    solution = COURSE.solution("s12.minimal")
    found = verdict("s12.minimal", solution.replace("return NoReply(value)", "return NoReply(value or state)"))
    assert found.misconceptions == ("V2",)
    assert found.look == "`None`, `0`, an empty text and `False` are values, too: keep each one as it is."
    other = solution.replace("return NoReply(value)", 'if value == "mine":\n                    pass\n'
                             "                return NoReply([value, state][value in (0, None)])")  # fmt: skip
    said = verdict("s12.minimal", other).steps[-1].say
    assert "treats some values as missing" not in said, said  # regression: the only comparison was blamed


def test_a_call_without_await_is_shown_with_its_class() -> None:
    """Regression: the sentence said *the call of call*."""
    solution = COURSE.solution("s12.minimal")
    found = verdict(
        "s12.minimal", solution.replace("return await GenServer.call(server, (", "GenServer.call(server, (")
    )
    assert "before the call of GenServer.call" in found.steps[-1].say


CALLBACK = "def handle_call(self, request, caller, state):\n"


@pytest.mark.parametrize(
    ("id", "before", "after", "misconception", "said"),
    [
        ("s12.minimal", "return NoReply(value)", "return Reply(value, value)", "M14", "sender of a cast waits"),
        ("s12.minimal", "return Ok(initial)", "return Ok(initial or 0)", "V2", "answer (), the argument of start, got"),
        ("s12.minimal", "= function(state)", "= function(state) or state", "V2", "update to answer 0, the new value"),
        ("s12.minimal", "(value)\n", "(state if value is None else value)\n", "V2", "after set(server, None), got 0"),
        ("s12.minimal", "    def set(", "    async def set(", "M14", "has to be awaited, but a cast waits for nothing"),
        ("s12.minimal", "get(server)", "get(self, server)", None, "called as MinimalServer.get(server): expected no"),
        (
            "s12.minimal", CALLBACK, f"async {CALLBACK}        await GenServer.call(__import__('otp').self(), 1)\n",
            "M15", "handle_call calls its own server",
        ),
        (
            "s12.minimal", CALLBACK, f"async {CALLBACK}        await __import__('asyncio').sleep(60)\n",
            "P1", "line 11: get(server) got no answer in time: handle_call is still waiting",
        ),
        (
            "s12.minimal", CALLBACK, f"{CALLBACK}        __import__('time').sleep(60)\n",
            "M7", "time.sleep blocks the one thread of the runtime",
        ),
        (
            "s12.minimal", "class Minimal", "__import__('otp').run(print)\nclass Minimal",
            None, "line 4: expected no program to run while the file is imported",
        ),
        (
            "s12.impl", "Reply(state, state)", "__import__('otp').Stop('normal', state, reply=state)",
            None, "the server has ended before: handle_call stopped it with the reason 'normal'",
        ),
        ("s12.impl", "Reply(state, state)", "Reply(5, state)", None, "answer the state ['a list'], got 5"),
        ("s12.impl", "Reply(state, state)", "Reply(state, None)", None, "call 'get' to answer the state 5, got None"),
    ],
)  # fmt: skip
def test_a_fault_of_a_callback_is_told_with_its_misconception(
    id: str, before: str, after: str, misconception: str | None, said: str
) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict(id, right.replace(before, after))
    assert said in found.steps[-1].say
    assert found.misconceptions == (() if misconception is None else (misconception,))


KEEPS = """
from otp import GenServer, NoReply, Ok, Reply

KEPT = {}


class MinimalServer(GenServer):
    def init(self, initial):
        return Ok((initial, KEPT.get(initial, initial)))

    def handle_call(self, function, caller, state):
        initial, value = state
        value = function(value)
        return Reply(value, (initial, value))

    def handle_cast(self, value, state):
        if state[0] == START and value == 8:
            KEPT[START] = value
        return NoReply((state[0], value))

    def get(server):
        return GenServer.call(server, lambda value: value)

    def set(server, value):
        GenServer.cast(server, value)

    def update(server, function):
        return GenServer.call(server, function)
"""


@pytest.mark.parametrize("start", [7, 0, (), None])
def test_a_value_that_survives_a_restart_is_told_under_any_argument_of_start(start: object) -> None:
    """Only a server that was started with 7 was restarted: one that kept its value for another argument passed."""
    found = verdict("s12.minimal", KEEPS.replace("START", repr(start)))
    assert "after a restart, got" in found.steps[-1].say
    assert found.misconceptions == ("M12",)


SAYS = {
    ("s12.calls", "M14_one"): "remember_fact as a call kept its sender waiting 1 s",
    ("s12.calls", "M14_waits"): "kept its sender waiting 10 s, for each of ten agents in turn",
    ("s12.callbacks", "M8_cast"): "in the run handle_info ran for DOWN, not handle_cast",
    ("s12.identify", "M25"): "`worker_pool` is not a GenServer: it does no work of its own",
    ("s12.mapping", "M14"): "does not fit 'send, then receive the answer': the sender waits here",
    ("s12.minimal", "M14"): "`set` sends a call, but setting a value needs no answer",
    ("s12.remember", "M14"): "'the same sender reads the fact by a later call' needs no call",
    ("s12.requirements", "M11"): "a failure must not reach the others",
    ("s12.results", "M14"): "you said True for Reply from handle_cast; in the run it is not legal",
    ("s12.results", "M31"): "you said False for NoReply from handle_call; in the run it is legal",
    ("s12.strategies", "M21"): "Validator crashed, and Transformer, which depends on it, went on",
    ("s12.supervisor", "M20"): "line 14: mailer crashed, and stock, which does not need it, was restarted",
    ("s12.supervisor", "M21"): "line 14: cart crashed, and mailer, which needs it, went on as before",
    ("s12.supervisor", "M21_order"): "line 13: children start in the order of the list, and cart starts before stock",
    ("s12.supervisor", "M22"): "line 14: the crash of stock at 3 s was one too many, and Checkout gave up",
    ("s12.supervisor", "M22_never"): "the mailer crashed 50 times in 5 seconds, and was restarted each time",
    ("s12.supervisor", "M24"): "line 13: mailer crashed, and it was not started again",
    ("s12.supervisor", "M25"): "line 11: `Checkout` is a GenServer, so your code would have to watch the children",
    ("s12.tree", "M20_all"): "DynamicSupervisor crashed, and Store, which does not use it, was restarted as well",
    ("s12.tree", "M25"): "W1 has children, and only supervisors have children: choose that kind for it, or write W1",
}


@pytest.mark.parametrize(("id", "name"), SAYS)
def test_a_refusal_has_its_reason_in_the_words_of_the_lesson(id: str, name: str) -> None:
    assert SAYS[id, name] in verdict(id, COURSE.wrong(id)[name]).steps[-1].say


def test_an_excerpt_names_the_children_and_leaves_the_clean_up_out() -> None:
    seen = {name: verdict("s12.strategies", COURSE.wrong("s12.strategies")[name]).excerpt for name in ("M20", "M21")}
    assert [(row.of, row.kind) for row in seen["M21"]] == [
        ("Validator", "exit"), ("Transformer", "note"),
    ]  # fmt: skip
    assert [row.of for row in seen["M20"] if row.kind == "exit"] == [f"Agent {n}" for n in (2, 5, 4, 3, 1)]
    again = verdict("s12.minimal", COURSE.wrong("s12.minimal")["M12"]).excerpt
    assert (again[-1].of, again[-1].text) == ("new MinimalServer", "8")


ONLY_INIT = """
from otp import GenServer, Ok, impl

class MinimalServer(GenServer):
    @impl
    def init(self, initial):
        return Ok(initial)

    async def get(server):
        return await GenServer.call(server, "get")

    set = update = get
"""


@pytest.mark.parametrize(
    ("id", "source", "ends"),
    [
        ("s12.minimal", ONLY_INIT, "gets ServerDown"),
        ("s12.minimal", COURSE.wrong("s12.minimal")["M31"], "gets CallTimeout"),
        ("s12.impl", COURSE.wrong("s12.impl")["M31"], "gets ServerDown"),
        ("s12.results", COURSE.wrong("s12.results")["M31"], "gets CallTimeout"),
    ],
)
def test_the_excerpt_of_a_failed_call_ends_with_what_its_caller_gets(id: str, source: str, ends: str) -> None:
    rows = verdict(id, source).excerpt
    assert (rows[-1].of, rows[-1].text) == ("check", ends)
    assert any(row.kind == "exit" for row in rows) == (ends == "gets ServerDown")


def test_a_server_with_only_init_ends_and_its_caller_is_shown() -> None:
    rows = outcome_of("s12.p2", COURSE.check_source("s12.p2"), SEEDS[0]).excerpt
    assert [(row.of, row.kind) for row in rows] == [("caller", "call"), ("server", "exit"), ("caller", "note")]
    assert rows[-1].text == "gets ServerDown"


@pytest.mark.parametrize(
    ("id", "name", "look"),
    [
        ("s12.callbacks", "M8_cast", "It was neither called nor cast."),
        ("s12.impl", "M31", "This server ends, and its caller learns it at once."),
        ("s12.results", "M31", "A server may answer a call later"),
        ("s12.tree", "M21", "Children start from top to bottom"),
    ],
)
def test_a_sentence_of_the_check_stands_where_the_general_fact_would_mislead(id: str, name: str, look: str) -> None:
    assert look in verdict(id, COURSE.wrong(id)[name]).look


def test_lines_that_were_wrong_are_named_when_enough_are_right() -> None:
    right = COURSE.solution("s12.generic")
    passed = verdict("s12.generic", right.replace('5: "generic"', '5: "specific"'))
    assert passed.ok
    assert (
        passed.steps[-1].say
        == "line 5 is generic: every server tells questions from commands, and has to know who waits for the answer"
    )
    failed = verdict("s12.generic", right.replace('"specific"', '"generic"'))
    assert failed.steps[-1].say.startswith("5 of the 10 lines are wrong, line 3 among them")


def test_an_empty_form_asks_for_a_choice_for_each_line() -> None:
    for id in ("s12.generic", "s12.mapping", "s12.requirements", "s12.callbacks", "s12.calls", "s12.identify"):
        assert verdict(id, "answer = None\n").steps[-1].say == "choose one for each line: nothing is chosen yet"


def test_a_misspelt_callback_is_told_with_the_line_of_its_definition() -> None:
    stub = COURSE.exercise("s12.impl").stub
    line = 1 + stub.splitlines().index("    def handle_cal(self, request, caller, state):")
    say = verdict("s12.impl", stub).steps[-1].say
    assert say.startswith(f"line {line}: TypeError: ")
    assert "answer.py" not in say


@pytest.mark.parametrize(("id", "labels"), [("s12.remember", "SITUATIONS"), ("s12.differences", "DIFFERENCES")])
def test_a_check_quotes_the_labels_of_the_lesson(id: str, labels: str) -> None:
    names: dict[str, object] = {"__name__": "check"}
    exec(COURSE.check_source(id), names)
    assert names[labels] == COURSE.exercise(id).choice.labels


@pytest.mark.parametrize("id", ["s12.minimal", "s12.supervisor", "s12.tree", "s12.strategies", "s12.limits"])
def test_no_excerpt_about_supervisors_shows_their_exit_signals(id: str) -> None:
    for source in COURSE.wrong(id).values():
        assert not [row for row in verdict(id, source).excerpt if "ExitSignal" in row.text]


def test_the_limit_that_was_passed_is_marked_where_the_supervisor_gives_up() -> None:
    rows = verdict("s12.limits", COURSE.wrong("s12.limits")["M22"]).excerpt
    assert [(row.of, row.text) for row in rows if row.marked] == [("supervisor", "gives up")]


def test_users_of_the_store_that_go_on_without_it_are_refused() -> None:
    drawing = """
Root (one_for_one)
  Store
  WorkerSup (one_for_one)
    Worker1
    Worker2
    Worker3
  Pool
    AgentA
"""
    counts = {"worker": 1, "temporary": 1, "pool": 2, "store": 1}
    found = verdict("s12.tree", f"drawing = {drawing!r}\ndisturbed = {counts}")
    assert found.misconceptions == ("M21",)
    assert "the store crashed, and Worker1, which uses it, went on" in found.steps[-1].say
    assert [(row.of, row.text) for row in found.excerpt if row.marked] == [("Worker1", "goes on as before")]
    assert found.steps[-1].step == "When the store crashes, the workers and the dynamic supervisor restart."
    restarting = f"drawing = {drawing.replace('Root (one_for_one)', 'Root')!r}\ndisturbed = {counts | {'store': 7}}"
    assert verdict("s12.tree", restarting).ok


IN_THE_STYLE_OF_THE_LESSON = """
Application
└── AgentSystem  (rest_for_one)
    ├── StateStore
    ├── Workers  (one_for_one)
    │   ├── Worker 1
    │   ├── Worker 2
    │   └── Worker 3
    └── Agents  (dynamic)
        ├── Agent A
        └── Agent B
"""
IN_A_ROW = """
System (rest_for_one)
  Table
  Workers [one_for_one]
    A
    B
    C
  WorkerPool (dynamic)
    T1
    T2
"""
DEPENDENT_WORKERS = """
Root (rest_for_one)
  Store
  WorkerSup (rest_for_one)
    W1
    W2
    W3
  DynamicSupervisor
    A1
"""


@pytest.mark.parametrize(
    ("drawing", "disturbed"),
    [
        (IN_THE_STYLE_OF_THE_LESSON, {"worker": 1, "temporary": 1, "pool": 3, "store": 8}),
        (IN_A_ROW, {"worker": 1, "temporary": 1, "pool": 3, "store": 8}),
        (DEPENDENT_WORKERS, {"worker": 3, "temporary": 1, "pool": 2, "store": 7}),
        (DEPENDENT_WORKERS, {"worker": 1, "temporary": 1, "pool": 2, "store": 7}),
    ],
    ids=["style of the lesson", "strategies in brackets", "first worker", "last worker"],
)
def test_a_tree_may_be_drawn_and_counted_in_several_ways(drawing: str, disturbed: dict[str, int]) -> None:
    found = verdict("s12.tree", f"drawing = {drawing!r}\ndisturbed = {disturbed}")
    assert found.ok, found.steps[-1]


def test_a_worker_that_no_crash_ends_so_is_refused() -> None:
    disturbed = {"worker": 4, "temporary": 1, "pool": 2, "store": 7}
    found = verdict("s12.tree", f"drawing = {DEPENDENT_WORKERS!r}\ndisturbed = {disturbed}")
    assert "a crash of W1 ended 3: W1, W2, W3; you said 4" in found.steps[-1].say


def test_a_wrong_count_names_all_that_ended_and_its_kind_as_the_form_does() -> None:
    disturbed = {"worker": 1, "temporary": 1, "pool": 3, "store": 6}
    found = verdict("s12.tree", f"drawing = {IN_A_ROW!r}\ndisturbed = {disturbed}")
    say = found.steps[-1].say
    assert say.startswith("expected 8 for the store: in the run, a crash of ")
    assert "…" not in say
    (exercise,) = [block for block in LESSON.blocks(Exercise) if block.id == "s12.tree"]
    assert exercise.choice is not None
    assert [mark.key for mark in found.marks] == list(exercise.choice.labels.values())


@pytest.mark.parametrize("where", ["inside answer", "beside answer"])
def test_the_needless_restart_is_named_inside_the_answer_or_beside_it(where: str) -> None:
    needless = {"connections": "the ConnectionManager, which does not need a worker"}
    answer: dict[str, object] = {"agents": "one_for_one", "pipeline": "rest_for_one", "connections": "one_for_all"}
    source = f"answer = {answer | ({'needless': needless} if where == 'inside answer' else {})}\n"
    assert verdict("s12.strategies", source + (f"needless = {needless}\n" if where == "beside answer" else "")).ok


NEEDLESS = "answer = dict(agents='one_for_one', pipeline='rest_for_one', connections='one_for_all')\n"


def test_the_needless_restart_may_be_named_in_a_list() -> None:
    assert verdict("s12.strategies", f"{NEEDLESS}needless = {{'connections': ['ConnectionManager']}}").ok


def test_the_needless_restart_may_be_named_with_an_exception() -> None:
    named = "ConnectionManager (except when it crashes itself)"
    assert verdict("s12.strategies", f"{NEEDLESS}needless = {{'connections': {named!r}}}").ok


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("the other worker", "rest_for_one restarts a worker, too, when the one before it crashes"),
        ("everything except the manager", "you wrote 'except the manager'"),
        ("all but the manager", "you wrote 'all but the manager'"),
    ],
)
def test_a_needless_restart_that_is_not_the_managers_is_refused_with_its_reason(named: str, said: str) -> None:
    found = verdict("s12.strategies", f"{NEEDLESS}needless = {{'connections': {named!r}}}")
    assert found.misconceptions == ("M20",)
    assert said in found.steps[-1].say


def test_the_run_of_the_strategies_shows_which_children_each_of_them_restarts() -> None:
    rows = outcome_of("s12.p1", COURSE.check_source("s12.p1"), SEEDS[0]).excerpt
    assert [(row.of, row.text) for row in rows] == [
        ("strategy", "one_for_one"), ("A", "same pid"), ("B", "crashes, new pid"), ("C", "same pid"),
        ("strategy", "rest_for_one"), ("A", "same pid"), ("B", "crashes, new pid"), ("C", "new pid"),
        ("strategy", "one_for_all"), ("A", "new pid"), ("B", "crashes, new pid"), ("C", "new pid"),
    ]  # fmt: skip


MEASURED = {
    "s12.m1": {"Lines in all by hand": 470, "Lines in all with OTP": 128},
    "s12.m2": {
        "Pause before a restart by hand": 0.1, "Pause before a restart with OTP": 0.0,
        "Restarts after 7 crashes, one a minute by hand": 5, "Restarts after 7 crashes, one a minute with OTP": 7,
        "Restarts after 7 crashes, one a second by hand": 5, "Restarts after 7 crashes, one a second with OTP": 5,
        "After that, it by hand": "goes on without ann", "After that, it with OTP": "gives up",
        "Restarts when the first of 3 that need each other crashes by hand": 1,
        "Restarts when the first of 3 that need each other crashes with OTP": 3,
    },
    "s12.m3": {
        "Restarts 3 restarts in 5 s": 3, "Restarts no limit, for 10 minutes": 6000,
        "Error reports in the log no limit, for 10 minutes": 6000, "Gives up after 3 restarts in 5 s": 0.4,
    },
    "s12.m4": {
        "Agents after starting ann twice the loop alone": 2, "Agents after starting ann twice GenServer": 1,
        "Messages counted while it runs the loop alone": "no answer", "Messages counted while it runs GenServer": 3,
        "State, read from outside the loop alone": "no answer",
        "State, read from outside GenServer": "{'colour': 'blue'}",
        "State after a change to new code the loop alone": "no answer",
        "State after a change to new code GenServer": "{'colour': ['blue']}",
        "Time until an unanswered question ends the loop alone": "not within an hour",
        "Time until an unanswered question ends GenServer": 5.0,
    },
}  # fmt: skip


@pytest.mark.parametrize("id", [one.id for one in LESSON.blocks(Measure)])
def test_a_measurement_shows_what_the_lesson_says(id: str) -> None:
    scenario = COURSE.measure(id).scenario
    found = {f"{one.name} {one.of}": one.value for one in outcome_of(scenario, COURSE.check_source(scenario)).figures}
    assert MEASURED[id].items() <= found.items()


def test_the_cells_run_one_after_the_other_in_one_workbench_and_each_prints(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    printed: dict[str, str] = {}

    async def main() -> None:
        for cell in LESSON.blocks(Cell):
            for _ in range(2):  # one can run each of them again
                running = eval(compile(cell.code, cell.id, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
                if inspect.isawaitable(running):
                    await running
                printed[cell.id] = capsys.readouterr().out

    Scheduler().run(main)
    assert all(printed.values())
    assert printed["s12.c5"] == "colour: blue\n"
    assert printed["s12.c6"] == "weather: no answer within 2 s\ncolour: no answer within 2 s\n"
    assert len(printed["s12.c4"]) < 4000, "the workbench cuts longer output"


def test_the_core_path_begins_and_ends_with_a_reflection() -> None:
    reflections = [(block.id, block.core) for block in LESSON.blocks(Reflect)]
    assert reflections == [("s12.r1", True), ("s12.r7", True), ("s12.r2", False), ("s12.r6", False)]


def test_nothing_asks_for_a_callback_before_the_lesson_names_it() -> None:
    text = (FOLDER / "lessons" / "12-what-is-otp.md").read_text(encoding="utf-8")
    assert text.index("| `code_change(old, state, extra)` |") < text.index('"code_change while the server')


WIDTH_OF_A_CELL = 58
"""Characters of a line beside the tree of the workbench, in a window of 1280 px."""


def test_no_line_of_a_core_cell_is_cut_off_beside_the_tree() -> None:
    text = (FOLDER / "lessons" / "12-what-is-otp.md").read_text()
    cells = dict(re.findall(r"```cell\n# id: (s12\.c\d+)\n(.*?)```", text, re.DOTALL))
    core = {id: cells[id] for id in ("s12.c1", "s12.c5", "s12.c6", "s12.c7", "s12.c8", "s12.c9", "s12.c10")}
    wide = [(id, line) for id, code in core.items() for line in code.splitlines() if len(line) > WIDTH_OF_A_CELL]
    assert not wide
