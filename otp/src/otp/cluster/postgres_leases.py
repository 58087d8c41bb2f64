"""Leases in PostgreSQL: one row for each session and one for each key that was ever acquired.

The database stores no time. A session has a counter that grows with each renewal. With each renewal a member looks at
the counters of all other sessions, and whenever it finds a key held, at that of its session. It deletes a session whose
counter has not changed for its `ttl`. A key is held while the session in its row exists. The row stays when the key is
free, because its epoch only grows.

A request that a member gives up may still reach the database later, for example when a stopped server continues. So
each new connection for requests begins with a higher `line` of its session, and the database ignores requests of
earlier lines. Without it, a late `release` could free a key that its owner has registered again.
"""

# asyncpg has no types.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Hashable, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from otp.cluster.lease_records import SeenSession, SessionWatch, key_text, pid_of, pid_text
from otp.cluster.leases import Held, LeaseSession, LeaseUnavailable, PidKey, SessionEnded
from otp.kernel.values.errors import BadArgument

__all__ = ["PostgresLeases"]

T = TypeVar("T")

VERSION: Final = 1
LOCK: Final = 0x6F74705F6C656173
"""The advisory lock of those that create the tables: `otp_leas`."""

TABLES: Final = """
CREATE TABLE IF NOT EXISTS otp_leases (version integer NOT NULL);
CREATE TABLE IF NOT EXISTS otp_lease_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    namespace text NOT NULL,
    member text NOT NULL,
    ttl double precision NOT NULL,
    counter bigint NOT NULL DEFAULT 0,
    line bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS otp_lease_keys (
    namespace text NOT NULL,
    key text NOT NULL,
    epoch bigint NOT NULL,
    session uuid,
    holder text NOT NULL,
    PRIMARY KEY (namespace, key)
);
"""
OPEN: Final = "INSERT INTO otp_lease_sessions (namespace, member, ttl) VALUES ($1, $2, $3) RETURNING id"
RENEW: Final = """
WITH mine AS (UPDATE otp_lease_sessions SET counter = counter + 1 WHERE id = $1 RETURNING id)
SELECT EXISTS (SELECT FROM mine) AS open, other.id, other.counter, other.ttl
FROM (SELECT) AS one LEFT JOIN otp_lease_sessions AS other ON other.namespace = $2 AND other.id <> $1
"""
END: Final = "DELETE FROM otp_lease_sessions WHERE id = $1 AND counter = $2"
CLOSE: Final = "DELETE FROM otp_lease_sessions WHERE id = $1"
# The sessions first: without its session no request that is still under way acquires a key.
CLEAR_SESSIONS: Final = "DELETE FROM otp_lease_sessions WHERE namespace = $1"
CLEAR_KEYS: Final = "DELETE FROM otp_lease_keys WHERE namespace = $1"
CLEAR_TTL: Final = 10.0
NEW_LINE: Final = "UPDATE otp_lease_sessions SET line = line + 1 WHERE id = $1 RETURNING line"
# FOR SHARE: the session cannot end, and no later connection can begin, until this has committed. `key` is the latest
# row, but sessions are read as they were when the statement began: a session that began later is not found. So a key
# is taken over only if it belonged to the same session then.
ACQUIRE: Final = """
WITH mine AS (SELECT id FROM otp_lease_sessions WHERE id = $1 AND line = $2 FOR SHARE)
INSERT INTO otp_lease_keys AS key (namespace, key, epoch, session, holder)
SELECT $3, $4, 1, id, $5 FROM mine
ON CONFLICT (namespace, key) DO UPDATE SET
    epoch = CASE WHEN key.session = excluded.session THEN key.epoch ELSE key.epoch + 1 END,
    session = excluded.session, holder = excluded.holder
WHERE key.session IS NULL OR (key.session = excluded.session AND key.holder = excluded.holder)
    OR NOT EXISTS (SELECT FROM otp_lease_sessions WHERE id = key.session) AND EXISTS (
        SELECT FROM otp_lease_keys AS old
        WHERE old.namespace = key.namespace AND old.key = key.key AND old.session = key.session
    )
RETURNING epoch
"""
# In the order of the keys, so that two of them do not wait for each other.
ACQUIRE_MANY: Final = ACQUIRE.replace(
    "SELECT $3, $4, 1, id, $5 FROM mine",
    "SELECT $3, wanted, 1, id, $5 FROM mine, unnest($4::text[]) AS wanted ORDER BY wanted",
).replace("RETURNING epoch", "RETURNING key.key, key.epoch")
HOLDER: Final = """
SELECT mine.line, key.holder, other.id, other.counter, other.ttl
FROM (SELECT) AS one LEFT JOIN otp_lease_sessions AS mine ON mine.id = $1
    LEFT JOIN otp_lease_keys AS key ON key.namespace = $2 AND key.key = $3
    LEFT JOIN otp_lease_sessions AS other ON other.id = key.session
"""
RELEASE: Final = """
WITH mine AS (SELECT id FROM otp_lease_sessions WHERE id = $1 AND line = $2 FOR SHARE),
freed AS (
    UPDATE otp_lease_keys AS key SET session = NULL FROM mine
    WHERE namespace = $3 AND key = $4 AND session = mine.id AND holder = $5
)
SELECT EXISTS (SELECT FROM mine)
"""


class PostgresLeases:
    """A store of leases in PostgreSQL 13 or later, for `Cluster.join(leases=…)`; needs asyncpg (the extra `postgres`).

    The first member creates the tables `otp_leases`, `otp_lease_sessions` and `otp_lease_keys`. Each member has two
    connections. A failover is safe only to a synchronous standby.

    Args:
        dsn: `postgresql://USER:PASSWORD@HOST/DATABASE`, with several hosts and `target_session_attrs=read-write` for a
            primary that moves. Not through a pooler that shares connections between transactions.
        namespace: clusters with different namespaces share no keys.

    Raises `BadArgument` for arguments of another form, and `ImportError` without asyncpg. The methods raise
    `LeaseUnavailable`, whose reason says why, for example that the password is refused.

    >>> from otp.cluster import PostgresLeases
    >>> PostgresLeases("postgresql://ada:secret@db/shop")
    PostgresLeases('db/shop', namespace='otp')
    """

    def __init__(self, dsn: str, *, namespace: str = "otp") -> None:
        if not isinstance(dsn, str) or urlsplit(dsn).scheme not in ("postgresql", "postgres"):
            raise BadArgument(
                "PostgresLeases(dsn): expected an address like postgresql://USER:PASSWORD@HOST/DATABASE, "
                "got something else; try one that begins with postgresql://"
            )
        if not isinstance(namespace, str) or not namespace:
            raise BadArgument(f"PostgresLeases(namespace=…): expected a name, got {namespace!r}; try 'otp'")
        parts = urlsplit(dsn)
        if "@" in parts.path + parts.query + parts.fragment:  # the rest of a password would be shown
            raise BadArgument(
                "PostgresLeases(dsn): expected a password whose special characters are escaped; "
                "try %2F for /, %3F for ?, %23 for # and %40 for @"
            )
        self.where: str = parts.netloc.rpartition("@")[2] + parts.path
        """The server and the database, without the password."""
        self.namespace: str = namespace
        self._driver = _driver()
        self._connect = _connector(self._driver, dsn)
        self._members: dict[str, _Member] = {}

    def __repr__(self) -> str:
        return f"PostgresLeases({self.where!r}, namespace={self.namespace!r})"

    async def open(self, member: str, ttl: float) -> LeaseSession:
        """Open a session that ends `ttl` seconds after its last renewal."""
        links = self._links(member, ttl)

        async def ask(connection: Any) -> Any:
            await self._create_tables(connection)
            id = await connection.fetchval(OPEN, self.namespace, member, ttl)
            await self._renew(connection, id, links.watch)
            return id

        try:
            with self._worded(ttl):
                return LeaseSession(member, await links.renewals.run(ask), ttl)
        except BaseException:
            links.drop()
            raise

    async def renew(self, session: LeaseSession) -> None:
        """Renew a session with all its keys, and end the sessions of members that have renewed theirs too long ago."""
        links = self._links(session.member, session.ttl)
        with self._worded(session.ttl):
            renewed = await links.renewals.run(lambda connection: self._renew(connection, session.id, links.watch))
        if not renewed:
            raise _ended(session)

    async def acquire(self, session: LeaseSession, key: Hashable, pid: PidKey) -> int | Held:
        """Acquire a key; return its epoch, which grows with each owner, or its owner. Idempotent for one process."""
        text, holder = key_text(key), pid_text(pid)
        watch = self._links(session.member, session.ttl).watch

        async def ask(connection: Any, line: int) -> int | Held | None:
            while True:
                asked = watch.now()
                epoch = await connection.fetchval(ACQUIRE, session.id, line, self.namespace, text, holder)
                if epoch is not None:
                    return epoch
                found = await connection.fetchrow(HOLDER, session.id, self.namespace, text)
                if found["line"] != line:
                    return None
                if found["id"] is None:  # the key has been freed in between
                    continue
                other = SeenSession(found["id"], found["counter"], found["ttl"])
                if other.id == session.id or not watch.is_stale(other, asked):
                    return Held(pid_of(found["holder"]))
                await connection.execute(END, other.id, other.counter)

        return await self._request(session, ask)

    async def acquire_many(self, session: LeaseSession, keys: Sequence[Hashable], pid: PidKey) -> list[int | Held]:
        """Acquire keys: one request for those that are free, then one for each of the others."""
        texts, holder = {key: key_text(key) for key in keys}, pid_text(pid)

        async def ask(connection: Any, line: int) -> list[Any]:
            return await connection.fetch(ACQUIRE_MANY, session.id, line, self.namespace, list(texts.values()), holder)

        epochs: dict[str, int] = dict(await self._request(session, ask))
        return [epochs.get(texts[key]) or await self.acquire(session, key, pid) for key in keys]

    async def release(self, session: LeaseSession, key: Hashable, pid: PidKey) -> None:
        """Free a key if this process has it."""
        text, holder = key_text(key), pid_text(pid)

        async def ask(connection: Any, line: int) -> bool | None:
            return await connection.fetchval(RELEASE, session.id, line, self.namespace, text, holder) or None

        await self._request(session, ask)

    async def close(self, session: LeaseSession) -> None:
        """End a session and free its keys; close the connections of its member."""
        links = self._links(session.member, session.ttl)
        try:
            with self._worded(session.ttl):
                await links.renewals.run(lambda connection: connection.execute(CLOSE, session.id))
        finally:
            links.drop()
            self._members.pop(session.member, None)

    async def clear(self) -> None:
        """Delete all sessions and keys of the namespace, also those of other members: for a namespace of tests."""
        with self._worded(CLEAR_TTL):
            connection = await self._connect(CLEAR_TTL)
            try:
                if await connection.fetchval("SELECT to_regclass('otp_leases') IS NOT NULL"):
                    await connection.execute(CLEAR_SESSIONS, self.namespace)
                    await connection.execute(CLEAR_KEYS, self.namespace)
            finally:
                connection.terminate()

    def _links(self, member: str, ttl: float) -> _Member:
        found = self._members.get(member)
        if found is None:
            connect = lambda: self._connect(ttl)
            found = self._members[member] = _Member(_Link(connect), _Link(connect), SessionWatch())
        return found

    async def _renew(self, connection: Any, id: Any, watch: SessionWatch) -> bool:
        asked = watch.now()
        rows = await connection.fetch(RENEW, id, self.namespace)
        others = [SeenSession(row["id"], row["counter"], row["ttl"]) for row in rows if row["id"] is not None]
        for other in watch.stale(others, asked):
            await connection.execute(END, other.id, other.counter)
        return rows[0]["open"]

    async def _request(self, session: LeaseSession, ask: Callable[[Any, int], Awaitable[T | None]]) -> T:
        """Send a request in the latest line of its session; `ask` returns None if there is a later one."""
        link = self._links(session.member, session.ttl).requests

        async def run(connection: Any) -> T | None:
            while True:
                if link.line is None or link.line[0] != session.id:
                    line = await connection.fetchval(NEW_LINE, session.id)
                    if line is None:
                        return None
                    link.line = session.id, line
                answer = await ask(connection, link.line[1])
                if answer is not None:
                    return answer
                link.line = None

        with self._worded(session.ttl):
            answer = await link.run(run)
        if answer is None:
            raise _ended(session)
        return answer

    async def _create_tables(self, connection: Any) -> None:
        if await connection.fetchval("SELECT to_regclass('otp_leases') IS NULL"):
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                await connection.execute(TABLES)
                create = "INSERT INTO otp_leases SELECT $1 WHERE NOT EXISTS (SELECT FROM otp_leases)"
                await connection.execute(create, VERSION)
        version = await connection.fetchval("SELECT max(version) FROM otp_leases")
        if version != VERSION:
            raise LeaseUnavailable(
                f"PostgreSQL at {self.where} has another version of the table otp_leases: expected {VERSION}, "
                f"got {version}; try the same version of otp on all members"
            )

    @contextmanager
    def _worded(self, ttl: float) -> Generator[None]:
        driver = self._driver
        try:
            yield
        except (driver.PostgresError, driver.InterfaceError, driver.InternalClientError, OSError) as error:
            raise LeaseUnavailable(f"PostgreSQL at {self.where} {self._why(error, ttl)}") from error

    def _why(self, error: BaseException, ttl: float) -> str:
        driver = self._driver
        match error:
            case driver.InvalidAuthorizationSpecificationError():
                return f"refuses the sign-in: {error}; try another user or password"
            case driver.InvalidCatalogNameError():
                return f"has no such database: {error}; try `createdb`, or another name"
            case driver.ReadOnlySQLTransactionError() | driver.TargetServerAttributeNotMatched():
                return f"is read-only: {error}; try the address of the primary"
            case driver.InsufficientPrivilegeError():
                return f"refuses a request: {error}; try a user that may create and change the tables otp_lease*"
            case TimeoutError() | driver.QueryCanceledError():
                return f"did not answer within {ttl / 3:g} s"
            case OSError():
                return f"cannot be reached: {error}; try `pg_isready`"
            case _:
                return f"fails: {type(error).__name__}: {error}"


class _Link:
    """A connection that is opened when it is needed. One that failed, or was left during a request, is replaced."""

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self._connect = connect
        self._connection: Any = None
        self._lock = asyncio.Lock()
        self.line: tuple[Any, int] | None = None
        """The session and the number of its line that this connection has."""

    async def run(self, request: Callable[[Any], Awaitable[T]]) -> T:
        """Return the answer of a request, after those of earlier ones."""
        async with self._lock:
            try:
                if self._connection is None or self._connection.is_closed():
                    self.drop()
                    self._connection = await self._connect()
                return await request(self._connection)
            except BaseException:
                self.drop()
                raise

    def drop(self) -> None:
        """End the connection at once."""
        connection, self._connection, self.line = self._connection, None, None
        if connection is not None:
            connection.terminate()


class _Member(NamedTuple):
    """The connections of a member: renewals have one of their own, so that no other request delays them."""

    renewals: _Link
    requests: _Link
    watch: SessionWatch

    def drop(self) -> None:
        """End the connections at once."""
        self.renewals.drop()
        self.requests.drop()


def _driver() -> Any:
    try:
        import asyncpg
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ImportError("PostgresLeases needs asyncpg; try: pip install asyncpg") from None
    return asyncpg


def _connector(driver: Any, dsn: str) -> Callable[[float], Awaitable[Any]]:
    """Return a function that connects; the address, which has the password, is no attribute of the store."""

    def connect(ttl: float) -> Awaitable[Any]:
        limit = ttl / 3
        settings = {
            "application_name": "otp leases",
            "statement_timeout": str(max(1, round(limit * 1000))),
            "synchronous_commit": "on",
            "default_transaction_isolation": "read committed",
        }
        return driver.connect(dsn, timeout=limit, command_timeout=limit, server_settings=settings)

    return connect


def _ended(session: LeaseSession) -> SessionEnded:
    return SessionEnded(f"the session of {session.member} has ended")
