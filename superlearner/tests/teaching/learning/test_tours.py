"""Tours promise things of other places: events, operations, pages, words of the documentation. All are there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import superlearner.web
from superlearner.observing.events import TYPES
from superlearner.operations.engine.registry import all_operations
from superlearner.teaching.learning import PARTS, Event, Operation, Step, Tour, Visited, tours
from superlearner.teaching.manual import Manual, Rendered
from superlearner.web.pages import PAGES

ALL = list(tours())
STEPS = [(tour, step) for tour in ALL for step in tour.steps]
DOCS = Path(__file__).parents[4] / "docs"
STATIC = Path(superlearner.web.__file__).parent / "static"


def page_of(manual: Manual, name: str) -> Rendered:
    return asyncio.run(manual.page(name))


def path_of(address: str) -> str:
    return address.partition("?")[0]


def test_the_path_has_five_parts_and_no_name_is_taken_twice() -> None:
    assert ["basics", "lifecycle", "patterns", "debugging", "production"] == [part.id for part in PARTS]
    assert all(part.tours for part in PARTS)
    assert len({tour.id for tour in ALL}) == len(ALL)
    for tour in ALL:
        assert len({step.id for step in tour.steps}) == len(tour.steps) > 1


@pytest.mark.parametrize(("tour", "step"), STEPS, ids=[f"{tour.id}-{step.id}" for tour, step in STEPS])
def test_the_condition_of_each_step_can_be_met(tour: Tour, step: Step) -> None:
    pages = {page.href for page in PAGES}
    assert path_of(step.page) in pages
    match step.done:
        case Event(type=name, data=data):
            assert name in TYPES
            row = next(
                line for line in (DOCS / "events.md").read_text().splitlines() if line.startswith(f"| `{name}` |")
            )
            assert not [field for field in data if f"`{field}`" not in row]
        case Operation(names=names, doors=doors):
            found = {operation.name: operation for operation in all_operations()}
            # only changes are announced as events
            assert [name for name in names if name in found and found[name].changes] == list(names)
            assert set(doors) <= {"page", "cli", "rest", "console", "mcp"}
        case Visited(path=path):
            assert path in pages
    for text in (step.text, step.hint, step.seen):
        assert text.count("`") % 2 == 0
    assert tour.needs


def test_every_word_and_every_page_to_read_on_is_in_the_documentation() -> None:
    manual = Manual()
    concepts = page_of(manual, "concepts").anchors
    assert not [step.concept for _, step in STEPS if step.concept not in concepts]
    for tour in ALL:
        page, _, anchor = tour.docs.partition("#")
        assert not anchor or anchor in page_of(manual, page).anchors


def test_every_concept_can_be_seen_and_read() -> None:
    text = (DOCS / "concepts.md").read_text()
    addresses = {page.href for page in PAGES}
    known, operations = {tour.id for tour in ALL}, {operation.name for operation in all_operations()}
    scripts = "".join((STATIC / name).read_text() for name in ("process/process-more.js", "teaching/teaching.js"))
    tabs = re.findall(r"(?:later\(|\bid: )\"(\w+)\"", scripts)
    concepts = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    assert len(concepts) > 25
    for concept in concepts:
        found = re.search(r"\[See it\]\(http://localhost:4000(/[^)?]*)(?:\?(\w+)=([^)]*))?\)", concept)
        assert found, concept
        path, word, value = found.groups()
        assert path in addresses
        assert word != "tour" or value in known
        assert word != "operation" or value in operations
        assert (value or "").partition("&tab=")[2] in ("", *tabs)
        assert "[Read](" in concept
    html = page_of(Manual(root="/tools"), "concepts").html
    assert 'href="/tools/learn?tour=process"' in html
    assert "localhost" not in html


def test_the_command_of_the_terminal_tour_casts_as_the_page_does(inside: Callable[..., Any]) -> None:
    """Regression: it sent a plain message, which the counter ignores."""
    (text,) = [step.text for tour in tours() for step in tour.steps if (tour.id, step.id) == ("terminal", "message")]
    command = text.partition("`")[2].rstrip("`").split()
    options = dict(zip(command[4::2], command[5::2], strict=True))
    body = {name.removeprefix("--").replace("-", "_"): value for name, value in options.items()}

    async def test(platform: Any) -> None:
        before = await platform.get("/api/v1/processes/counter_1/state")
        sent = await platform.client.post("/api/v1/processes/counter_1/message", json=body)
        assert sent.status_code == 200, sent.text
        await platform.client.post(
            "/api/v1/processes/counter_1/message", json={"message": "get_value", "message_type": "call"}
        )
        after = await platform.get("/api/v1/processes/counter_1/state")
        assert int(after["data"]["state"]) == int(before["data"]["state"]) + 1

    assert command[:4] == ["superlearner", "process", "message", "counter_1"]
    inside(test)
