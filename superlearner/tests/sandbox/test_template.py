"""Every template starts, and has a `Main`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from superlearner.sandbox.record import Configuration, Sandbox, Version
from superlearner.sandbox.source import Source
from superlearner.sandbox.syntax import look
from superlearner.sandbox.template import FOLDER, templates


@pytest.mark.parametrize("id", [one.id for one in templates()])
def test_a_template_starts_its_tree(id: str, nodes_here: Any) -> None:
    template = next(one for one in templates() if one.id == id)
    assert {"starts": "Main"} == look(template.text)
    assert template.about

    async def main() -> int:
        node = f"sandbox-{id}@127.0.0.1"
        version = Version(1, Source(template.text, "Main"), 0.0, "ada")
        sandbox = Sandbox(id, "ada", node, Configuration("source"), 0.0, versions=(version,), current=1)
        program = await nodes_here().launch(sandbox, str)
        processes = len(program.node.processes())
        await program.kill("enough")
        return processes

    assert asyncio.run(main()) >= 2


@pytest.mark.parametrize("id", [one.id for one in templates() if one.id != "workbench"])
def test_the_comment_that_says_what_to_try_fits_an_editor_on_a_phone(id: str) -> None:
    """Regression: it was cut off at the right edge of the Playground's editor."""
    template = next(one for one in templates() if one.id == id)
    said = template.text.split('"""')[1].splitlines()[1:]
    assert max(map(len, said)) <= 36


def test_all_templates_of_the_folder_are_offered() -> None:
    assert sorted(one.id for one in templates()) == sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
