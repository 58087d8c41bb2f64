"""Leases in PostgreSQL, on a real server: sessions, keys, and what a store says that cannot be used."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest
from tools.postgres import Postgres, free_port

from otp.cluster import Held, LeaseUnavailable, PostgresLeases, SessionEnded, postgres_leases
from otp.cluster.lease_records import SessionWatch, key_text
from otp.kernel.values.errors import BadArgument
from otp.tests.shared.loops import turns

TTL = 6.0
A, B = ("a", 1, 7), ("b", 1, 8)
ENDED = pytest.raises(SessionEnded, match="has ended")


@pytest.fixture
def dsn(postgres: Postgres) -> str:
    return postgres.new_database()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The clock of the members' watch over each other, as a list of one number."""
    now = [0.0]
    monkeypatch.setattr(SessionWatch, "now", staticmethod(lambda: now[0]))
    return now


@asynccontextmanager
async def opened(dsn: str, *names: str, ttl: float = TTL, **options: Any) -> AsyncIterator[list[Any]]:
    """Open a session for each name in a store of its own; closes them at the end."""
    pairs = []
    try:
        for name in names:
            store = PostgresLeases(dsn, **options)
            pairs.append((store, await store.open(name, ttl)))
        yield pairs
    finally:
        for store, session in pairs:
            await store.close(session)


async def ask(dsn: str, *query: Any) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(*query)]
    finally:
        await connection.close()


async def backend(link: Any) -> int:
    """Return the number of the server's process for a connection."""

    async def pid(connection: Any) -> int:
        return connection.get_server_pid()

    return await link.run(pid)


async def exits(pid: int) -> None:
    """Wait until a process of the server has ended."""
    descriptor = os.pidfd_open(pid)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), 20)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def leave_in_the_middle(request: Awaitable[Any]) -> None:
    """Cancel a request once it has been sent."""
    task = asyncio.ensure_future(request)
    await turns(10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_one_of_two_members_gets_a_key_and_epochs_grow(dsn: str) -> None:
    async def main() -> None:
        async with opened(dsn, "a", "b") as ((one, a), (two, b)):
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


def test_keys_that_are_equal_in_python_are_one_key(dsn: str) -> None:
    async def main() -> None:
        async with opened(dsn, "a", "b") as ((one, a), (two, b)):
            for key in (1, ("t", 1.0), frozenset([2, "é\0"]), "x" * 5_000, "ключ", -0.0):
                assert 1 == await one.acquire(a, key, A)
            for key in (True, ("t", True), frozenset(["é\0", 2.0]), "x" * 5_000, "ключ", 0):
                assert Held(A) == await two.acquire(b, key, B)
            for key in ("1", -1, -2, 2.5, (1,), (), None, b"1", "x" * 5_001, ("a, 'b'",), ("a", "b")):
                assert 1 == await two.acquire(b, key, B)

    asyncio.run(main())
    assert 1_000 == len(key_text("x" * 5_000))


def test_namespaces_share_no_keys(dsn: str) -> None:
    async def main() -> None:
        async with opened(dsn, "a") as ((one, a),), opened(dsn, "a", namespace="other") as ((two, b),):
            assert (1, 1) == (await one.acquire(a, "x", A), await two.acquire(b, "x", B))

    asyncio.run(main())


def test_a_session_ends_once_another_member_has_seen_it_unchanged_for_its_ttl(dsn: str, clock: list[float]) -> None:
    async def main() -> None:
        async with opened(dsn, "a", "b") as ((one, a), (two, b)):
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
            assert [("b",)] == await ask(dsn, "SELECT member FROM otp_lease_sessions")
            again = await one.open("a", TTL)
            assert Held(B) == await one.acquire(again, "x", A)
            await one.close(again)

    asyncio.run(main())


def test_a_key_is_free_within_twice_the_ttl_of_its_last_renewal(dsn: str, clock: list[float]) -> None:
    third = TTL / 3

    async def main() -> list[Any]:
        async with opened(dsn, "a", "b") as ((one, a), (two, b)):
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


def test_a_new_member_ends_the_sessions_that_others_left(dsn: str, clock: list[float]) -> None:
    async def main() -> None:
        async with opened(dsn, "a") as ((one, a),):
            await one.acquire(a, "x", A)
            async with opened(dsn, "b") as ((two, b),):  # it sees a's session from here on
                clock[0] += TTL
                await two.renew(b)
                assert 2 == await two.acquire(b, "x", B)

    asyncio.run(main())


def test_the_database_stores_no_time_and_reads_no_clock(dsn: str) -> None:
    columns = "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_name LIKE 'otp\\_lease%'"

    async def main() -> set[str]:
        async with opened(dsn, "a"):
            return {kind for (kind,) in await ask(dsn, columns)}

    assert {"bigint", "double precision", "integer", "text", "uuid"} == asyncio.run(main())
    statements = [text for text in vars(postgres_leases).values() if isinstance(text, str) and "otp_lease" in text]
    assert 8 <= len(statements)
    assert [] == [text for text in statements if re.search(r"(?i)\bnow\b|current_|clock_|timestamp|interval", text)]


def test_a_late_request_of_a_connection_that_was_given_up_has_no_effect(dsn: str) -> None:
    """A release that arrives late would free a key that its owner has registered again."""

    async def main() -> None:
        async with opened(dsn, "a", "b") as ((one, a), (two, b)):
            link = one._links("a", TTL).requests
            assert 1 == await one.acquire(a, "x", A)
            for request in (lambda: one.acquire(a, "y", A), lambda: one.release(a, "x", A)):
                await _leave_and_settle(link, request, one.acquire(a, "x", A), one.release(a, "y", A))
            assert Held(A) == await two.acquire(b, "x", B)
            assert 1 == await two.acquire(b, "y", B)

    async def _leave_and_settle(link: Any, request: Callable[[], Any], *later: Awaitable[Any]) -> None:
        pid = await backend(link)
        os.kill(pid, signal.SIGSTOP)
        await leave_in_the_middle(request())
        for each in later:
            await each
        ended = asyncio.ensure_future(exits(pid))
        os.kill(pid, signal.SIGCONT)
        await ended

    asyncio.run(main())


def test_a_request_that_is_cancelled_leaves_a_store_that_works(dsn: str) -> None:
    async def main() -> None:
        async with opened(dsn, "a") as ((one, a),):
            for request in (lambda: one.renew(a), lambda: one.acquire(a, "x", A), lambda: one.release(a, "x", A)):
                await leave_in_the_middle(request())
                await one.renew(a)
                assert await one.acquire(a, "x", A) <= 2
            waiting = [asyncio.ensure_future(one.acquire(a, number, A)) for number in range(5)]
            for task in waiting[::2]:
                task.cancel()
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            assert [1, 1] == answers[1::2]

    asyncio.run(main())


def test_a_restart_of_the_server_keeps_sessions_keys_and_epochs(dsn: str, postgres: Postgres) -> None:
    async def main() -> None:
        async with opened(dsn, "a", "b") as ((one, a), (two, b)):
            await two.acquire(b, "x", B)
            await two.release(b, "x", B)
            assert 2 == await one.acquire(a, "x", A)
            postgres.restart("immediate")
            for request in (lambda: one.renew(a), lambda: one.acquire(a, "y", A), lambda: two.acquire(b, "z", B)):
                with suppress(LeaseUnavailable):  # the connection is closed, and replaced by the next request
                    await request()
            await one.renew(a)
            assert (2, Held(A)) == (await one.acquire(a, "x", A), await two.acquire(b, "x", B))

    asyncio.run(main())


def test_the_first_members_create_the_tables_together(dsn: str) -> None:
    async def main() -> list[Any]:
        stores = [PostgresLeases(dsn) for _ in range(5)]
        sessions = await asyncio.gather(*(store.open(f"n{number}", TTL) for number, store in enumerate(stores)))
        await asyncio.gather(*(store.close(session) for store, session in zip(stores, sessions, strict=True)))
        return await ask(dsn, "SELECT version, (SELECT count(*) FROM otp_lease_sessions) FROM otp_leases")

    assert [(1, 0)] == asyncio.run(main())


async def refusal(dsn: str, **options: Any) -> str:
    """Return why a store cannot open a session."""
    with pytest.raises(LeaseUnavailable) as caught:
        await PostgresLeases(dsn, **options).open("a", TTL)
    assert "secret" not in str(caught.value)
    return caught.value.reason[1]


def test_a_table_of_another_version_is_refused_and_left_as_it_is(dsn: str) -> None:
    async def main() -> None:
        async with opened(dsn, "a") as ((one, a),):
            await one.acquire(a, "x", A)
            await ask(dsn, "UPDATE otp_leases SET version = 2")
            why = await refusal(dsn)
            assert "has another version of the table otp_leases: expected 1, got 2; try the same version" in why
            assert [(2,)] == await ask(dsn, "SELECT version FROM otp_leases")
            assert [("'x'", 1)] == await ask(dsn, "SELECT key, epoch FROM otp_lease_keys")

    asyncio.run(main())


def test_a_read_only_database_is_refused_and_nothing_is_lost(dsn: str) -> None:
    name = dsn.rpartition("/")[2]

    async def main() -> None:
        async with opened(dsn, "a") as ((one, a),):
            assert 1 == await one.acquire(a, "x", A)
            await ask(dsn, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            assert "is read-only: cannot execute" in await refusal(dsn)
            one._links("a", TTL).drop()  # connections that are open keep the setting they began with
            for request in (one.renew(a), one.acquire(a, "y", A), one.release(a, "x", A)):
                with pytest.raises(LeaseUnavailable, match="is read-only"):
                    await request
            await ask(f"{dsn}?options=-cdefault_transaction_read_only%3Doff", f"ALTER DATABASE {name} RESET ALL")
            await one.renew(a)
            assert 1 == await one.acquire(a, "x", A)

    asyncio.run(main())


def test_a_read_only_database_without_tables_is_refused(dsn: str) -> None:
    async def main() -> str:
        await ask(dsn, f"ALTER DATABASE {dsn.rpartition('/')[2]} SET default_transaction_read_only = on")
        return await refusal(dsn)

    assert "is read-only: cannot execute CREATE TABLE" in asyncio.run(main())


def test_a_server_that_refuses_the_password_or_the_user_is_named(dsn: str, postgres: Postgres) -> None:
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    postgres.control("reload")
    try:
        why = asyncio.run(refusal(dsn))
    finally:
        rules.write_text(before)
        postgres.control("reload")
    assert 'refuses the sign-in: password authentication failed for user "ada"; try another user or password' in why


def test_a_user_without_rights_is_told_which_are_missing(dsn: str) -> None:
    async def main() -> str:
        await ask(dsn, "CREATE ROLE guest LOGIN")
        await ask(dsn, "REVOKE CREATE ON SCHEMA public FROM public")
        return await refusal(dsn.replace("ada:", "guest:"))

    assert "try a user that may create and change the tables otp_lease*" in asyncio.run(main())


def test_a_server_that_cannot_be_reached_and_a_database_that_is_missing_are_named(postgres: Postgres) -> None:
    port = free_port()
    why = asyncio.run(refusal(f"postgresql://ada:secret@127.0.0.1:{port}/shop"))
    assert why.startswith(f"PostgreSQL at 127.0.0.1:{port}/shop cannot be reached: ")
    assert why.endswith("; try `pg_isready`")
    why = asyncio.run(refusal(f"postgresql://ada:secret@127.0.0.1:{postgres.port}/missing"))
    assert 'has no such database: database "missing" does not exist; try `createdb`' in why


def test_a_server_that_does_not_answer_is_left_after_a_third_of_ttl(dsn: str, postgres: Postgres) -> None:
    async def main() -> None:
        async with opened(dsn, "a", ttl=0.6) as ((one, a),):
            await one.acquire(a, "x", A)
            with postgres.stopped():
                for request in (one.renew(a), one.acquire(a, "x", A), one.acquire(a, "x", A)):
                    with pytest.raises(LeaseUnavailable, match=r"did not answer within 0\.2 s"):
                        await request

    asyncio.run(main())


@pytest.mark.parametrize("dsn", ["db/shop", "mysql://db/shop", "", None])
def test_an_address_of_another_form_is_refused_without_showing_it(dsn: Any) -> None:
    with pytest.raises(BadArgument, match="try one that begins with postgresql://"):
        PostgresLeases(dsn)


def test_a_namespace_is_a_name() -> None:
    with pytest.raises(BadArgument, match="expected a name, got ''"):
        PostgresLeases("postgresql://db/shop", namespace="")
    assert "secret" not in repr(PostgresLeases("postgresql://ada:secret@db/shop"))
