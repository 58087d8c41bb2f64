"""Message traffic: traced on request, sampled above a rate, and folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import otp
from superlearner.observing.monitoring.talking import LEASE_S, RATE, Talking
from superlearner.observing.monitoring.topology import FOLD_ABOVE, MOST_NODES, OUTSIDE, Member, picture


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def talking_in(test: Callable[[Talking, Time], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        node, time = otp.trace.node_of(otp.self()), Time()
        talking = Talking(lambda: node, time)
        try:
            await test(talking, time)
        finally:
            talking.close()

    otp.run(main)


def send(count: int) -> None:
    for number in range(count):
        otp.send(otp.self(), number)


def test_tracing_starts_on_request_and_ends_without_further_requests() -> None:
    async def test(talking: Talking, time: Time) -> None:
        send(3)
        assert (talking.watches, talking.talk().seen) == (False, 0)
        assert talking.ask() is True
        assert talking.ask() is False
        send(2)
        assert talking.talk().pairs == Counter({(otp.self(), otp.self()): 2})
        time.now += LEASE_S
        talking.look()
        assert talking.watches
        time.now += 1
        talking.look()
        assert not talking.watches
        assert talking.ask() is True
        assert talking.talk().seen == 0

    talking_in(test)


def test_messages_are_forgotten_after_a_minute() -> None:
    async def test(talking: Talking, time: Time) -> None:
        talking.ask()
        send(2)
        time.now += 50
        talking.ask()
        send(3)
        assert (talking.talk().seen, talking.talk().seconds) == (5, 50.0)
        time.now += 30
        assert (talking.talk().seen, talking.talk().seconds) == (3, 60.0)

    talking_in(test)


def test_above_the_rate_the_pairs_are_a_sample_and_the_rest_is_counted() -> None:
    async def test(talking: Talking, time: Time) -> None:
        talking.ask()
        send(4 * RATE)
        seen = talking.talk()
        assert 0 < seen.seen < 4 * RATE
        assert seen.seen + seen.unseen == 4 * RATE
        assert seen.share == seen.seen / (4 * RATE)

    talking_in(test)


def test_new_processes_are_traced_and_ended_ones_remembered() -> None:
    async def test(talking: Talking, time: Time) -> None:
        talking.ask()
        there: list[Any] = []

        async def listener() -> None:
            otp.register("listener", otp.self())
            there.append(await otp.receive(otp.Is("end")))

        pid = otp.spawn(listener)
        await otp.trace.node_of(pid).wait_registered("listener")
        talking.look()
        otp.send(pid, "hello")
        talking.look()
        ref = otp.monitor(pid)
        otp.send(pid, "end")
        await otp.receive(otp.Is(otp.Down, ref=ref))
        assert talking.talk().pairs[otp.self(), pid] >= 1
        assert talking.member(pid).name == "listener"

    talking_in(test)


def member(number: int, group: str) -> Member:
    return Member(f"0.{number}.0", None, "Order", group, f"shop {group}")


def many(count: int, groups: int) -> tuple[dict[tuple[str, str], int], dict[str, Member]]:
    members = {f"0.{number}.0": member(number, f"0.{number % groups}.0") for number in range(count)}
    keys = list(members)
    return {(keys[number], keys[(number + groups) % count]): 2 for number in range(count)}, members


def test_many_processes_are_folded_by_supervisor_and_can_be_unfolded() -> None:
    pairs, members = many(FOLD_ABOVE + 2, 4)
    spots, lines, folded = picture(pairs, members)
    assert (len(spots), folded) == (4, True)
    assert (spots[0].processes, spots[0].name) == (8, "shop 0.0.0")
    assert {(line.source, line.target) for line in lines} == {(spot.key, spot.key) for spot in spots}
    assert sum(line.messages for line in lines) == 2 * (FOLD_ABOVE + 2)
    unfolded, _, _ = picture(pairs, members, ["0.0.0"])
    assert sorted(spot.processes for spot in unfolded) == [1] * 8 + [8] * 3


def test_few_processes_are_shown_individually_in_the_order_of_their_supervisors() -> None:
    pairs, members = many(9, 3)
    members[OUTSIDE] = Member(None, "outside any process", "", OUTSIDE, OUTSIDE)
    pairs[OUTSIDE, "0.4.0"] = 7
    spots, lines, folded = picture(pairs, members)
    assert folded is False
    assert [spot.group for spot in spots] == ["0.0.0"] * 3 + ["0.1.0"] * 3 + ["0.2.0"] * 3 + [OUTSIDE]
    assert (lines[0].source, lines[0].target, lines[0].messages) == (OUTSIDE, "0.4.0", 7)
    assert all(0 <= spot.x <= 1000 and 0 <= spot.y <= 1000 for spot in spots)


def test_a_large_diagram_keeps_the_busiest_and_merges_the_others() -> None:
    members = {f"0.{number}.0": member(number, f"what {number}") for number in range(200)}
    pairs = {("0.0.0", key): int(key.split(".")[1]) for key in members if key != "0.0.0"}
    spots, lines, _ = picture(pairs, members)
    assert len(spots) <= MOST_NODES + 1
    (others,) = [spot for spot in spots if spot.key == "others"]
    assert others.processes == 200 - MOST_NODES
    assert sum(line.messages for line in lines) == sum(pairs.values())
