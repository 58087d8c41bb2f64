"""Session 13: what its checks say about common slips, and the words that they added to the engine."""

from __future__ import annotations

import pytest

import otp
from otp.testing import Scheduler
from superlearner.course.course import Course
from superlearner.course.engine.checking import SEEDS
from superlearner.course.engine.child import verdict_of
from superlearner.course.engine.values import same
from superlearner.course.engine.verdict import Verdict
from superlearner.course.lesson import Exercise, Predict

COURSE = Course()
LESSON = COURSE.lesson(13)
TOLD = {
    "cache": {"M6", "M12", "M14", "M31", "V2"},
    "expiry": {"P1", "P8", "P15"},
    "slow": {"M8", "M17", "M31", "P1"},
    "idle": {"P8", "P14"},
    "resource": {"M11", "M19", "M31"},
    "agent_server": {"M6", "M12", "M14", "M31", "V2", "V4", "V6"},
    "conversion": {"M14"},
}


def verdict(id: str, source: str, seeds: tuple[int, ...] = SEEDS) -> Verdict:
    return verdict_of(id, COURSE.check_source(id), source, list(seeds))


def test_the_lesson_has_every_exercise_and_prediction() -> None:
    assert {one.id for one in LESSON.blocks(Exercise)} == {f"s13.{name}" for name in TOLD}
    assert sorted(one.id for one in LESSON.blocks(Predict)) == [f"s13.p{number}" for number in range(1, 6)]
    for name, ids in TOLD.items():
        assert {file.partition("_")[0] for file in COURSE.wrong(f"s13.{name}")} == ids


CALL = 'return await GenServer.call(cache, ("get", key))'
RAISE = 'raise RuntimeError("it crashed on request")'
SPAWN = 'otp.spawn(prepare, otp.self(), state["cook"], dish, caller)'
REPORT = 'otp.send(owner, ("idle", otp.self()))\n            return NoReply(state'
CAPTURE = "match message:\n          case Timeout:"


@pytest.mark.parametrize(
    ("id", "before", "after", "said"),
    [
        ("s13.cache", CALL, CALL.replace("await ", ""), "`await` is missing"),
        ("s13.cache", 'GenServer.cast(cache, "clear")', "pass", "clear(server) sends no message to the server"),
        (
            "s13.cache",
            "return Reply(stats, state)",
            "return Reply(stats, stat)",
            "is not defined; did you mean 'stats'?",
        ),
        (
            "s13.cache",
            'state["entries"]\n',
            "self.entries\n",
            "it is the last argument, state; return the new one, as in",
        ),
        ("s13.cache", "def get(cache", "def get(self, cache", "is called as SimpleCache.get(cache, key): expected no"),
        ("s13.cache", "def put(cache", "def put(self", "is called as SimpleCache.put(server, key, value): expected"),
        ("s13.cache", "return Ok({", "return ({", "init returned {'entries': {}, 'hits': 0, 'misses': 0}; expected Ok"),
        ("s13.cache", "(GenServer)", "", "expected SimpleCache to be a server, class SimpleCache(GenServer)"),
        ("s13.expiry", 'state["ttl"], otp.self()', 'otp.self(), state["ttl"]', "expected a time in seconds >= 0, got"),
        ("s13.expiry", 'Ok({"ttl": ttl', 'Ok({"ttl": 2', "expected size(server) to answer 3, got 0"),
        ("s13.slow", SPAWN, SPAWN.replace("prepare, ", "prepare(") + ")", "expected a function and its arguments"),
        ("s13.slow", SPAWN, SPAWN.replace("otp.self()", "state"), "prepare, which the server started, has"),
        ("s13.slow", '("order", dish), timeout)', '("order", dish))', "gave up after 5 s, but its answer may take"),
        ("s13.slow", '("failed", error)', '"failed"', 'expected the answer ("failed", reason) after cook has raised'),
        ("s13.slow", "answer = await cook", "answer = cook", "answered a coroutine: `await` is missing"),
        ("s13.idle", REPORT, f"{REPORT}, timeout=seconds", "it has reported again: expected one report"),
        ("s13.idle", "if message == Timeout():", CAPTURE, "line 23: `case Timeout:` takes any value, and"),
        ("s13.idle", "message == Timeout()", "True", "expected a report after silence only, got one at once"),
        ("s13.idle", "message == Timeout()", "message is Timeout", "after 5 s without a message, got none"),
        ("s13.resource", '("close", otp.self())', '("closed", otp.self())', 'after GenServer.stop: expected ("close"'),
        ("s13.resource", RAISE, 'return otp.Stop("normal", log)', "make the server crash, but it ended with 'normal'"),
        ("s13.resource", RAISE, 'return otp.Stop("crash", log, reply="bye")', "to have no answer, got 'bye'"),
        ("s13.agent_server", '["memory"].get(key)', '["memory"][key]', "the server ended: KeyError: 'colour'"),
        ("s13.agent_server", ', "get_state", timeout)', ', "get_state")', "to give up after 1 s, got 5 s"),
        ("s13.agent_server", '"inbox": rest,', '"inbox": rest, "status": "busy",', "'status': 'busy'"),
        (
            "s13.agent_server",
            '| {"memory": {}}',
            '| {"memory": {}, "processed_count": 0}',
            "'processed_count': 7}, got {",
        ),
        (
            "s13.agent_server",
            '| {"memory": {}}',
            '| {"memory": {}, "inbox": []}',
            "forget_all empties the memory only: expe",
        ),
        ("s13.agent_server", "def send_message(", "def receive_message(", "expected AgentServer.send_message(…), got"),
    ],
)
def test_a_common_slip_is_named_with_its_cure(id: str, before: str, after: str, said: str) -> None:
    right = COURSE.solution(id)
    assert before in right
    found = verdict(id, right.replace(before, after))
    assert not found.ok
    assert said in found.steps[-1].say


def test_pids_and_references_are_compared_as_values() -> None:
    async def main() -> None:
        here, other = otp.self(), otp.spawn(otp.receive)
        ref = otp.make_ref()
        assert same(("down", here, ref), ("down", here, ref))
        assert not same(here, other)
        assert not same(ref, otp.make_ref())
        otp.exit(other, "kill")

    Scheduler().run(main)
