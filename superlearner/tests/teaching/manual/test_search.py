"""Search results and their order."""

from __future__ import annotations

import asyncio

import pytest

from superlearner.teaching.manual import Manual
from superlearner.teaching.manual.search import Index, Indexed


@pytest.fixture(scope="module")
def manual() -> Manual:
    return Manual()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("genserver", "/docs/behaviours/gen_server"),
        ("superv", "/docs/behaviours/supervisor"),
        ("GenStateMachine", "/docs/behaviours/gen_state_machine"),
        ("when to give up", "/docs/behaviours/supervisor#when-to-give-up"),
        ("supervsior gives up", "/docs/behaviours/supervisor#when-to-give-up"),
        ("virtual time", "/docs/testing"),
        ("postponed event", "/docs/behaviours/gen_state_machine"),
        ("exit codes", "/docs/command-line#exit-codes"),
        ("fastapi lifespan", "/docs/fastapi"),
    ],
)
def test_the_expected_page_is_among_the_first_five(manual: Manual, question: str, expected: str) -> None:
    found = [hit.address for hit in manual.find(question, 5)]
    assert any(address.startswith(expected) for address in found), found


def test_a_page_named_as_the_question_comes_first(manual: Manual) -> None:
    for name in ("gen_server", "supervisor", "registry", "agent", "application"):
        assert f"/docs/behaviours/{name}" == manual.find(name.replace("_", ""), 1)[0].address


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("settings", "/docs/settings"),
        ("what is a process", "/docs/concepts#process"),
        ("let it crash", "/docs/from-asyncio"),
    ],
)
def test_the_page_the_concept_or_the_very_words_come_first(manual: Manual, question: str, expected: str) -> None:
    """Before, pages that only hold the words were found first."""
    assert manual.find(question, 1)[0].address.startswith(expected)


@pytest.mark.parametrize("question", ["decisions", "what it depends on", "conformance", "mutants", "gen_server_SUITE"])
def test_pages_for_contributors_are_read_by_address_and_never_found(manual: Manual, question: str) -> None:
    """Regression: their tables came before the pages that explain a word."""
    [part] = [part for part in manual.parts() if part.for_contributors]
    names = [entry.name for entry in part.pages()]
    assert {"decisions", "dependencies", "conformance"} <= set(names)
    assert any(name.startswith("decisions/0") for name in names)
    pages = {hit.address.removeprefix("/docs/").partition("#")[0] for hit in manual.find(question, 100)}
    assert not pages & set(names)
    assert all(manual.draw(name).html for name in names)


def test_the_beginning_of_a_word_is_enough_and_a_slip_is_forgiven() -> None:
    index = Index([Indexed("a", "Mailbox", "", "messages wait here"), Indexed("b", "Timer", "", "rings later")])
    for question in ("mailb", "mialbox", "malbox", "message", "MESSAGES", "waiting"):
        assert ["a"] == [hit.address for hit in index.search(question)]
    assert [] == index.search("xyzzy")
    assert [] == index.search("")
    assert [] == index.search("?!")


def test_a_section_with_all_words_comes_before_one_with_some() -> None:
    index = Index(
        [Indexed("some", "T", "", "restart restart restart restart"), Indexed("all", "T", "", "a restart and a limit")]
    )
    assert ["all", "some"] == [hit.address for hit in index.search("restart limit")]


def test_an_excerpt_shows_the_words_that_were_found() -> None:
    text = "word " * 100 + "the supervisor restarts its child " + "word " * 100
    hit = Index([Indexed("a", "T", "", text)]).search("restarted children supervisor")[0]
    assert {"supervisor", "restarts"} <= {hit.excerpt[left:right] for left, right in hit.marks}
    assert hit.excerpt.startswith("… ")
    assert hit.excerpt.endswith(" …")
    assert len(hit.excerpt) < 200


def test_every_excerpt_of_the_documentation_is_marked_within_its_bounds(manual: Manual) -> None:
    for question in ("restart", "call", "process", "a", "time"):
        for hit in manual.find(question, 50):
            assert all(0 <= left < right <= len(hit.excerpt) for left, right in hit.marks), hit


def test_concurrent_first_searches_wait_for_one_index() -> None:
    """Otherwise each would render all pages, and concurrent imports of pygments may fail."""
    asked = list[int]()

    def more() -> list[Indexed]:
        asked.append(len(asked))
        return []

    manual = Manual(more=more)

    async def search() -> list[str]:
        found = await asyncio.gather(*(manual.search("restart intensity", 1) for _ in range(4)))
        return [hits[0].title for hits in found]

    assert len(set(asyncio.run(search()))) == 1
    assert asked == [0]
