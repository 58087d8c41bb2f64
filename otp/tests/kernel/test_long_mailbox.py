"""Selective receive in a long mailbox: it finds what a list would show, and a message costs the same anywhere."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

import otp
from otp import ReceiveTimeout, Tag


def fill(messages: Any) -> None:
    for message in messages:
        otp.send(otp.self(), message)


@pytest.mark.parametrize("seed", range(6))
def test_any_mix_of_receives_finds_what_a_list_shows(seed: int) -> None:
    """Searches begin at the front, behind what was refused before, and near the end; messages arrive in between."""
    source = random.Random(seed)
    words = "abcdefgh"

    async def take(model: list[Any], number: int) -> tuple[Any, Any]:
        word = source.choice(words)
        kind = source.randrange(4)
        if kind == 0:
            found = await otp.receive(timeout=0)
            return found, model.pop(0)

        def wanted(message: Any) -> bool:
            return message[0] == word and message[1] % 7 == number % 7

        pattern: Any = Tag(word) if kind == 1 else Tag(word, number) if kind == 2 else wanted
        place = next((i for i, message in enumerate(model) if pattern(message)), None)
        expected = None if place is None else model.pop(place)
        try:
            return await otp.receive(pattern, timeout=0), expected
        except ReceiveTimeout:
            return None, expected

    async def main() -> None:
        model: list[Any] = []
        for number in range(600):
            new = [(source.choice(words), source.randrange(600)) for _ in range(source.choice([0, 0, 1, 3, 40]))]
            fill(new)
            model += new
            if model:
                found, expected = await take(model, number)
                assert expected == found
        rest = [await otp.receive() for _ in range(len(model))]
        assert model == rest

    otp.run(main)


def test_a_predicate_that_sends_to_its_own_process_sees_each_message_once() -> None:
    seen: list[Any] = []

    async def main() -> Any:
        def looks(message: Any) -> bool:
            seen.append(message)
            if message < 200:
                otp.send(otp.self(), message + 1000)
            return message == 299

        fill(range(300))
        found = await otp.receive(looks)
        left = [await otp.receive() for _ in range(499)]
        return found, left

    found, left = otp.run(main)
    assert (299, list(range(300))) == (found, seen)
    assert [*range(299), *range(1000, 1200)] == left


def is_wanted(message: Any) -> bool:
    return message[0] == "wanted"


@pytest.mark.parametrize("pattern", [Tag("wanted"), is_wanted], ids=["Tag", "predicate"])
def test_a_search_costs_the_same_for_each_message_however_many_there_are(pattern: Any) -> None:
    """Messages were looked up by their number, which takes a deque the longer the farther it is from an end."""

    async def main() -> Any:
        def cost(n: int) -> float:
            return min(durations[n]) / n

        durations: dict[int, list[float]] = {10_000: [], 160_000: []}
        waiting = 0
        for n, found in durations.items():
            fill([("other", 1)] * (n - waiting))
            waiting = n
            for _ in range(3):
                fill([("wanted", 1)])
                begun = time.process_time()
                await otp.receive(pattern)
                found.append(time.process_time() - begun)
                await otp.receive(Tag("other"))  # forgets how far the search had got
                fill([("other", 1)])
        return cost(160_000) / cost(10_000)

    assert otp.run(main) < 4  # 8 when a message is found by its number
