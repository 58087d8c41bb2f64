"""The examples tell the same story under every schedule."""

from __future__ import annotations

import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType

import pytest

from otp import testing

EXAMPLES = Path(__file__).parents[2] / "examples"

STORIES = {
    "bank": """\
the bank opens: {'ada': 100, 'grace': 50}
ada pays grace 30: paid
ada pays grace 500: too little money
the account of ada was lost, her money was not: {'ada': 70, 'grace': 80}
the ledger was lost, and all accounts with it: {'ada': 100, 'grace': 50}
""",
    "chat": """\
ada enters and reads ('* welcome to the lobby',)
ada hears 'ada: hello?'
grace enters and reads ('* welcome to the lobby', 'ada: hello?')
grace hears 'grace: hello, ada'
the room crashed; its lines are ('* welcome to the lobby',)
still there: ['ada', 'grace']
ada left; still there: ['grace']
""",
    "job_queue": """\
three jobs: a good one, one that crashes twice, one that always does; the log shows each crash
a good job: 42
a flaky job: attempt 3 worked
a hopeless job: failed 3 times, at last with ZeroDivisionError: division by zero
""",
}


@pytest.fixture
def example(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    name = request.param
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("example", "story"), STORIES.items(), ids=list(STORIES), indirect=["example"])
def test_an_example_tells_its_story_under_every_schedule(
    example: ModuleType, story: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # its crashes are part of the story
    for seed in range(10):
        testing.Scheduler(seed=seed).run(example.main)
        assert story == capsys.readouterr().out, f"seed {seed}"


@pytest.mark.parametrize("name", STORIES)
def test_an_example_is_short(name: str) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()) < 100
