"""The check of printed commands finds those that are written by hand, wrong ones, and those without their node."""

from __future__ import annotations

import pytest
from tools.check_commands import manifest, problems_in_page, problems_in_python

OPERATIONS = manifest()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('hint = "try `superlearner error why`"', "'superlearner error' is written as text"),
        ('hint = f"try superlearner run {path}"', "'superlearner run' is written as text"),
        ('hint = f"`superlearner process memory {pid}` estimates it"', "'superlearner process' is written as text"),
        ('command("error.why", pid)', "error.why acts on a node: expected node=…, or context.command(…)"),
        ('ctx.command("error.why")', "error.why: expected ['pid'], got 0 arguments"),
        ('ctx.command("error.because", pid)', "there is no operation 'error.because'"),
        (
            'ctx.command("supervisor.change_strategy", name)',
            "supervisor.change_strategy: expected the options ['strategy']",
        ),
        (
            'ctx.command("supervisor.set_flags", name, max_restart=3)',
            "supervisor.set_flags: unknown options ['max_restart']",
        ),
        (
            "hint = f\"try: {command('run', path)}\"",
            "expected backticks around a command in a sentence, which mark where its data directory is added",
        ),
        ('command("evaluate")', "there is no command 'evaluate'"),
        ('hint = "see GET /api/v1/supervisor"', "'GET /api/v1/supervisor' is no route"),
        ('hint = f"stop it with POST /api/v1/traces/{id}/halt"', "'POST /api/v1/traces/x/halt' is no route"),
    ],
)
def test_a_command_that_would_not_run_is_refused(text: str, problem: str) -> None:
    assert [problem] == [found.partition(";")[0] for _, found in problems_in_python(text, OPERATIONS)]


@pytest.mark.parametrize(
    "text",
    [
        '"""Explain `superlearner error why`."""',
        'typer.Option(help="The same as `superlearner node NAME`.")',
        'command("error.why", pid, node=facts.called)',
        'ctx.command("process.message", pid, "increment")',
        'command("user.quota", user, **more)',
        'command("run", "FILE.py:Name")',
        "hint = f\"try `{command('run', path)}`, or $({command('token')})\"",
        'hint = f"stop it with POST /api/v1/traces/{id}/stop"',
        'words = "colours in superlearner console"',
    ],
)
def test_other_texts_and_complete_commands_are_fine(text: str) -> None:
    assert [] == list(problems_in_python(text, OPERATIONS))


def test_pages_may_have_only_commands_that_need_no_platform() -> None:
    page = "<code>superlearner run</code>\n * superlearner tree\n<code>superlearner recording start</code>"
    assert [3] == [line for line, _ in problems_in_page(page, OPERATIONS)]
