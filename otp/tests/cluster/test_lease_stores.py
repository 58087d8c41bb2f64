"""The promises of `LeaseStore` on real servers: a key has one owner, epochs grow, and sessions end in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from tools.etcd import Etcd

from lease_sessions import ENDED, TTL, A, B, cancel_midway, opened
from otp.cluster import EtcdLeases, Held, PostgresLeases
from otp.cluster.lease_records import SessionWatch, key_text

NUMBERS = count(1)


def new_postgres_store(request: pytest.FixtureRequest) -> Callable[..., Any]:
    dsn = request.getfixturevalue("postgres").new_database()
    return lambda namespace="otp": PostgresLeases(dsn, namespace=namespace)


def new_etcd_store(request: pytest.FixtureRequest) -> Callable[..., Any]:
    servers: list[Etcd] = request.getfixturevalue("etcd")
    number = next(NUMBERS)
    return lambda namespace="otp": EtcdLeases(servers[0].endpoint, namespace=f"{namespace}{number}/{number}")


@pytest.fixture(params=[new_postgres_store, new_etcd_store], ids=["PostgreSQL", "etcd"])
def new_store(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Returns stores in an empty database."""
    return request.param(request)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The clock of the members' watch over each other, as a list of one number."""
    now = [0.0]
    monkeypatch.setattr(SessionWatch, "now", staticmethod(lambda: now[0]))
    return now


def test_one_of_two_members_gets_a_key_and_epochs_grow(new_store: Any) -> None:
    async def main() -> None:
        async with opened(new_store, "a", "b") as ((one, a), (two, b)):
            for number in range(20):
                answers = await asyncio.gather(one.acquire(a, number, A), two.acquire(b, number, B))
                assert {Held(A), 1} == set(answers) or {1, Held(B)} == set(answers)
            assert 1 == await one.acquire(a, "x", A)
            assert 1 == await one.acquire(a, "x", A)  # idempotent for one process
            assert Held(A) == await one.acquire(a, "x", ("a", 1, 9))
            assert Held(A) == await two.acquire(b, "x", B)
            await two.release(b, "x", B)  # without effect: another process has it
            assert Held(A) == await two.acquire(b, "x", B)
            await one.release(a, "x", A)
            assert 2 == await two.acquire(b, "x", B)
            await two.close(b)
            assert 3 == await one.acquire(a, "x", A)
            with ENDED:
                await two.renew(b)

    asyncio.run(main())


def test_clearing_a_namespace_ends_its_sessions_and_forgets_its_epochs_alone(new_store: Any) -> None:
    async def main() -> None:
        await new_store("cleared").clear()  # nothing is there yet
        one, two = new_store("cleared"), new_store("kept")
        a, b = await one.open("a", TTL), await two.open("b", TTL)
        for _ in range(2):
            assert 1 == await one.acquire(a, "x", A)
            assert 1 == await two.acquire(b, "x", B)
            await new_store("cleared").clear()
            with ENDED:
                await one.renew(a)
            await two.renew(b)
            await one.close(a)
            a = await one.open("a", TTL)
        await asyncio.gather(one.close(a), two.close(b))

    asyncio.run(main())


def test_keys_that_are_equal_in_python_are_one_key(new_store: Any) -> None:
    async def main() -> None:
        async with opened(new_store, "a", "b") as ((one, a), (two, b)):
            for key in (1, ("t", 1.0), frozenset([2, "é\0"]), "x" * 5_000, "ключ", -0.0):
                assert 1 == await one.acquire(a, key, A)
            for key in (True, ("t", True), frozenset(["é\0", 2.0]), "x" * 5_000, "ключ", 0):
                assert Held(A) == await two.acquire(b, key, B)
            for key in ("1", -1, -2, 2.5, (1,), (), None, b"1", "x" * 5_001, ("a, 'b'",), ("a", "b")):
                assert 1 == await two.acquire(b, key, B)

    asyncio.run(main())
    assert 1_000 == len(key_text("x" * 5_000))


def test_namespaces_share_no_keys(new_store: Any) -> None:
    async def main() -> None:
        async with opened(new_store, "a") as ((one, a),), opened(partial(new_store, "other"), "a") as ((two, b),):
            assert (1, 1) == (await one.acquire(a, "x", A), await two.acquire(b, "x", B))

    asyncio.run(main())


def test_a_session_ends_once_another_member_has_seen_it_unchanged_for_ttl(new_store: Any, clock: list[float]) -> None:
    async def main() -> None:
        async with opened(new_store, "a", "b") as ((one, a), (two, b)):
            assert 1 == await one.acquire(a, "x", A)
            clock[0] += TTL - 1
            await one.renew(a)  # a's clock is the same, but only b's counts here
            await two.renew(b)  # b sees the new counter
            clock[0] += TTL - 1
            await two.renew(b)
            assert Held(A) == await two.acquire(b, "x", B)
            clock[0] += 1
            await two.renew(b)
            assert 2 == await two.acquire(b, "x", B)
            for request in (one.renew(a), one.acquire(a, "x", A), one.acquire(a, "y", A), one.release(a, "x", A)):
                with ENDED:
                    await request
            again = await one.open("a", TTL)
            assert Held(B) == await one.acquire(again, "x", A)
            await one.close(again)

    asyncio.run(main())


def test_a_key_is_free_within_twice_the_ttl_of_its_last_renewal(new_store: Any, clock: list[float]) -> None:
    third = TTL / 3

    async def main() -> list[Any]:
        async with opened(new_store, "a", "b") as ((one, a), (two, b)):
            await one.acquire(a, "x", A)
            await one.renew(a)
            answers = []
            clock[0] += third * 0.99  # b's renewals are as late as they can be
            for _ in range(5):
                await two.renew(b)
                answers.append(await two.acquire(b, "x", B))
                clock[0] += third
            return answers

    assert [*[Held(A)] * 3, 2, 2] == asyncio.run(main())  # after 4 of 6 thirds


def test_a_key_whose_session_is_stale_is_granted_at_once(new_store: Any, clock: list[float]) -> None:
    async def main() -> None:
        async with opened(new_store, "a", "b") as ((one, a), (two, b)):
            await one.acquire(a, "x", A)
            await one.acquire(a, "y", A)
            assert Held(A) == await two.acquire(b, "x", B)
            clock[0] += TTL - 1
            await one.renew(a)
            clock[0] += 1
            assert Held(A) == await two.acquire(b, "x", B)  # it sees the renewal
            clock[0] += TTL
            assert (2, 2) == (await two.acquire(b, "x", B), await two.acquire(b, "y", B))
            with ENDED:
                await one.renew(a)

    asyncio.run(main())


def test_a_new_member_ends_the_sessions_that_others_left(new_store: Any, clock: list[float]) -> None:
    async def main() -> None:
        async with opened(new_store, "a") as ((one, a),):
            await one.acquire(a, "x", A)
            async with opened(new_store, "b") as ((two, b),):  # it sees a's session from here on
                clock[0] += TTL
                await two.renew(b)
                assert 2 == await two.acquire(b, "x", B)

    asyncio.run(main())


def test_a_request_that_is_cancelled_leaves_a_store_that_works(new_store: Any) -> None:
    async def main() -> None:
        async with opened(new_store, "a") as ((one, a),):
            for request in (lambda: one.renew(a), lambda: one.acquire(a, "x", A), lambda: one.release(a, "x", A)):
                await cancel_midway(request())
                await one.renew(a)
                assert await one.acquire(a, "x", A) <= 2
            waiting = [asyncio.ensure_future(one.acquire(a, number, A)) for number in range(5)]
            for task in waiting[::2]:
                task.cancel()
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            assert [1, 1] == answers[1::2]

    asyncio.run(main())
