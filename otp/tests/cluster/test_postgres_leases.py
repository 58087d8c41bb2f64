"""Leases in PostgreSQL, on a real server: sessions, keys, and what a store says that cannot be used."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tools.postgres import Postgres, free_port

from lease_sessions import ENDED, TTL, A, B, cancel_midway, opened
from otp.cluster import Held, LeaseUnavailable, PostgresLeases, postgres_leases
from otp.cluster.scenarios import play_real, read_scenario
from otp.kernel.values.errors import BadArgument


@pytest.fixture
def dsn(postgres: Postgres) -> str:
    return postgres.new_database()


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


async def resume_to_the_end(pid: int) -> None:
    """Continue a process of the server, and wait until it has ended."""
    descriptor = os.pidfd_open(pid)
    os.kill(pid, signal.SIGCONT)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), 20)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def test_many_keys_are_one_request_and_those_that_are_taken_have_their_owners(dsn: str) -> None:
    def new_store() -> PostgresLeases:
        return PostgresLeases(dsn)

    async def main() -> None:
        async with opened(new_store, "a", "b") as ((one, a), (two, b)):
            assert 1 == await two.acquire(b, 7, B)
            assert [1, 1] == await one.acquire_many(a, ["x", True], A)
            requests, request = list[Any](), one._request
            one._request = lambda *args: requests.append(args) or request(*args)  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
            many: list[Any] = [1, "x", *range(8, 5_000), 7]
            answers = await one.acquire_many(a, many, A)
            assert [1] * 4_994 + [Held(B)] == answers
            assert 2 == len(requests)
            await asyncio.gather(
                one.acquire_many(a, [f"k{number}" for number in range(500)], A),
                two.acquire_many(b, [f"k{number}" for number in reversed(range(500))], B),
            )
            await one.close(a)
            with ENDED:
                await one.acquire_many(a, ["y", "z"], A)
            assert [2] * 4_992 == await two.acquire_many(b, list(range(8, 5_000)), B)

    asyncio.run(main())


def test_the_database_stores_no_time_and_reads_no_clock(dsn: str) -> None:
    columns = "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_name LIKE 'otp\\_lease%'"

    async def main() -> set[str]:
        async with opened(lambda: PostgresLeases(dsn), "a"):
            return {kind for (kind,) in await ask(dsn, columns)}

    assert {"bigint", "double precision", "integer", "text", "uuid"} == asyncio.run(main())
    statements = [text for text in vars(postgres_leases).values() if isinstance(text, str) and "otp_lease" in text]
    assert 8 <= len(statements)
    assert [] == [text for text in statements if re.search(r"(?i)\bnow\b|current_|clock_|timestamp|interval", text)]


def test_a_late_request_of_a_connection_that_was_given_up_has_no_effect(dsn: str) -> None:
    """A release that arrives late would free a key that its owner has registered again."""

    async def main() -> None:
        async with opened(lambda: PostgresLeases(dsn), "a", "b") as ((one, a), (two, b)):
            link = one._links("a", TTL).requests
            assert 1 == await one.acquire(a, "x", A)
            for request in (lambda: one.acquire(a, "y", A), lambda: one.release(a, "x", A)):
                await _leave_and_settle(link, request, one.acquire(a, "x", A), one.release(a, "y", A))
            assert Held(A) == await two.acquire(b, "x", B)
            assert 1 == await two.acquire(b, "y", B)

    async def _leave_and_settle(link: Any, request: Callable[[], Any], *later: Awaitable[Any]) -> None:
        pid = await backend(link)
        os.kill(pid, signal.SIGSTOP)
        await cancel_midway(request())
        for each in later:
            await each
        await resume_to_the_end(pid)

    asyncio.run(main())


def test_a_restart_of_the_server_keeps_sessions_keys_and_epochs(dsn: str, postgres: Postgres) -> None:
    async def main() -> None:
        async with opened(lambda: PostgresLeases(dsn), "a", "b") as ((one, a), (two, b)):
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
        async with opened(lambda: PostgresLeases(dsn), "a") as ((one, a),):
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
        async with opened(lambda: PostgresLeases(dsn), "a") as ((one, a),):
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
        async with opened(lambda: PostgresLeases(dsn), "a", ttl=0.6) as ((one, a),):
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


@pytest.mark.program
def test_a_scenario_with_leases_passes_on_real_members(dsn: str) -> None:
    file = Path(__file__).parents[3] / "examples" / "scenarios" / "leased_worker.json"
    verdict = asyncio.run(play_real(read_scenario(file), {"dsn": dsn}))
    assert verdict.passed, verdict
    assert 2 == len({event.data["pid"][0] for event in verdict.history if event.kind == "lease_acquired"})
    left = "SELECT namespace FROM otp_lease_sessions UNION SELECT namespace FROM otp_lease_keys"
    assert [] == asyncio.run(ask(dsn, left))


def test_a_key_whose_session_began_during_a_request_is_not_taken_over(dsn: str) -> None:
    async def test() -> None:
        async with opened(lambda: PostgresLeases(dsn), "a") as ((one, a),):
            await one.acquire(a, "key", A)
            await one.release(a, "key", A)  # its row stays
            blocker = await asyncpg.connect(dsn)
            held = blocker.transaction()
            await held.start()
            await blocker.fetch("SELECT FROM otp_lease_sessions WHERE member = 'a' FOR UPDATE")
            late = asyncio.ensure_future(one.acquire(a, "key", A))
            while not await ask(dsn, "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                assert not late.done()
            async with opened(lambda: PostgresLeases(dsn), "b") as ((two, b),):
                assert 2 == await two.acquire(b, "key", B)
                await held.commit()
                assert Held(B) == await late
            await blocker.close()

    asyncio.run(test())
