"""Leases in etcd: one key for each session, and one for each key of a registry that was ever acquired.

No lease of etcd is used: releases before 2024 let a stuck leader that was replaced end all of them
(etcd-io/etcd#15247). As in PostgreSQL, a session ends when another member has seen it unchanged for its `ttl`. The
revision of its key counts its renewals. A key is held while the session in its record exists.

Every change is a transaction that compares the line of its session. A request that got no answer may arrive later, so
the next one begins a new line, with which earlier requests do not agree.
"""

# httpx is an extra, and JSON has no types.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import json
import math
import secrets
import ssl
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from otp.bounded import text
from otp.cluster.lease_records import SeenSession, SessionWatch, key_text, pid_of, pid_text
from otp.cluster.leases import Held, LeaseSession, LeaseUnavailable, PidKey, SessionEnded
from otp.distribution.carriers.tls import Contexts, Tls
from otp.kernel.values.errors import BadArgument

__all__ = ["EtcdLeases"]

T = TypeVar("T")

VERSION: Final = "1"
UNSURE: Final = {4, 14}
"""Codes of gRPC for requests that have failed on the way; the others have had no effect."""
DENIED: Final = {3, 7, 16}
"""Codes for a sign-in that is refused, and for a user without the right to a key."""
CLEAR_S: Final = 3.0
SIGN_IN: Final = "/v3/auth/authenticate"


class EtcdLeases:
    """A store of leases in etcd 3.4 or later, for `Cluster.join(leases=…)`; needs httpx (the extra `etcd`).

    Args:
        endpoints: addresses of members of etcd, such as `"http://10.0.0.5:2379"`; if one does not answer, the next one
            is asked.
        user: the name of a user of etcd, with the right to keys that begin with the namespace and `/`.
        password: the password of the user.
        tls: certificates, for addresses with `https`; without them, those of the system.
        namespace: clusters with different namespaces share no keys.

    `ttl` is rounded up to whole seconds. Raises `BadArgument` for arguments of another form, and `ImportError` without
    httpx. The methods raise `LeaseUnavailable`, whose reason says why.

    >>> from otp.cluster import EtcdLeases
    >>> EtcdLeases(["http://10.0.0.5:2379", "http://10.0.0.6:2379"])
    EtcdLeases(['http://10.0.0.5:2379', 'http://10.0.0.6:2379'], namespace='otp')
    """

    def __init__(
        self,
        endpoints: str | Iterable[str],
        *,
        user: str | None = None,
        password: str | None = None,
        tls: Tls | None = None,
        namespace: str = "otp",
    ) -> None:
        self.endpoints: list[str] = _checked([endpoints] if isinstance(endpoints, str) else list(endpoints))
        if (user is None) is not (password is None):
            raise BadArgument("EtcdLeases(): expected a user and a password, got only one; try both or neither")
        if not isinstance(namespace, str) or not namespace:
            raise BadArgument(f"EtcdLeases(namespace=…): expected a name, got {text(namespace)}; try 'otp'")
        self.namespace: str = namespace
        self._prefix = f"{quote(namespace, safe='')}/"
        self._version_key = f"{self._prefix}version"
        self._sessions = f"{self._prefix}sessions/"
        self._keys = f"{self._prefix}keys/"
        self._members: dict[str, _Member] = {}
        self._new_client = _client_maker(self.endpoints, user, password, tls)

    def __repr__(self) -> str:
        return f"EtcdLeases({self.endpoints!r}, namespace={self.namespace!r})"

    async def open(self, member: str, ttl: float) -> LeaseSession:
        """Open a session that ends `ttl` seconds after its last renewal, rounded up to whole seconds."""
        session = LeaseSession(member, secrets.token_hex(16), float(math.ceil(ttl)))
        here = self._member(session)
        key = self._sessions + session.id
        value = json.dumps({"member": member, "ttl": session.ttl, "line": ""})

        async def ask() -> None:
            while True:
                asked = here.watch.now()
                version = [_has_value(self._version_key, VERSION)]
                new = [_put(key, value), _range(self._sessions, prefix=True)]
                opened, found = await here.client.change(version, new, [_range(self._version_key)])
                if opened:
                    return await self._end_stale(here, session, found[1], asked)
                if found[0]:
                    raise LeaseUnavailable(
                        f"etcd at {here.client.where} has another version of the key {self._version_key}: expected "
                        f"{VERSION}, got {found[0][0].value}; try the same version of otp on all members"
                    )
                await here.client.change([_is_missing(self._version_key)], [_put(self._version_key, VERSION)])

        try:
            await here.client.run(ask)
        except BaseException:
            self._members.pop(member, None)
            await here.client.close()
            raise
        return session

    async def renew(self, session: LeaseSession) -> None:
        """Renew a session with all its keys, and end the sessions of members that have renewed theirs too long ago."""
        here = self._member(session)
        key = self._sessions + session.id

        async def ask() -> bool:
            asked = here.watch.now()
            renewed, found = await here.client.change([_exists(key)], [_put(key), _range(self._sessions, prefix=True)])
            if renewed:
                await self._end_stale(here, session, found[1], asked)
            return renewed

        if not await here.client.run(ask):
            raise _ended(session)

    async def acquire(self, session: LeaseSession, key: Hashable, pid: PidKey) -> int | Held:
        """Acquire a key; return its epoch, which grows with each owner, or its owner. Idempotent for one process."""
        where, holder = self._keys + key_text(key), pid_text(pid)

        async def ask(here: _Member, line: dict[str, Any]) -> int | Held | None:
            before: _Record | None = None
            while True:
                asked = here.watch.now()
                # The first attempt expects that the key has no record; later ones compare the record that was found.
                there = self._sessions + ("" if before is None else before.content["session"])
                unchanged = _is_missing(where) if before is None else before.is_same()
                epoch = 1 if before is None else before.content["epoch"] + 1
                mine = json.dumps({"epoch": epoch, "session": session.id, "holder": holder})
                granted, found = await here.client.change(
                    [line, unchanged, _is_missing(there)],
                    [_put(where, mine)],
                    [_range(self._sessions + session.id), _range(where), _range(there)],
                )
                if granted:
                    return epoch
                own, record, other = found
                if not own or not own[0].has(line):
                    return None
                seen = None if before is None else before.revision
                before = record[0] if record else None
                if before is None:
                    continue
                if (before.content["session"], before.content["holder"]) == (session.id, holder):
                    return before.content["epoch"]
                if before.content["session"] == session.id:
                    return Held(pid_of(before.content["holder"]))
                if before.revision == seen and other:
                    if not here.watch.is_stale(self._seen(other[0]), asked):
                        return Held(pid_of(before.content["holder"]))
                    await here.client.change([other[0].is_same()], [_delete(other[0].key)])

        return await self._request(session, ask)

    async def release(self, session: LeaseSession, key: Hashable, pid: PidKey) -> None:
        """Free a key if this process has it."""
        where, holder = self._keys + key_text(key), pid_text(pid)

        async def ask(here: _Member, line: dict[str, Any]) -> bool | None:
            while True:
                alive, found = await here.client.change([line], [_range(where)])
                if not alive:
                    return None
                if not found[0]:
                    return True
                record = found[0][0]
                if (record.content["session"], record.content["holder"]) != (session.id, holder):
                    return True
                free = _put(where, json.dumps(record.content | {"session": ""}))
                if (await here.client.change([line, record.is_same()], [free]))[0]:
                    return True

        await self._request(session, ask)

    async def close(self, session: LeaseSession) -> None:
        """End a session and free its keys; close the connections of its member."""
        here = self._member(session)
        try:
            await here.client.run(lambda: here.client.change([], [_delete(self._sessions + session.id)]))
        finally:
            self._members.pop(session.member, None)
            await here.client.close()

    async def clear(self) -> None:
        """Delete all sessions and keys of the namespace, also those of other members: for a namespace of tests."""
        client = self._new_client(CLEAR_S)
        try:
            await client.run(lambda: client.change([], [_delete(self._prefix, prefix=True)]))
        finally:
            await client.close()

    def _member(self, session: LeaseSession) -> _Member:
        found = self._members.get(session.member)
        if found is None:
            found = self._members[session.member] = _Member(self._new_client(session.ttl / 3))
        return found

    async def _end_stale(self, here: _Member, mine: LeaseSession, found: list[_Record], asked: float) -> None:
        others = {record.key: record for record in found if record.key != self._sessions + mine.id}
        for other in here.watch.stale(map(self._seen, others.values()), asked):
            await here.client.change([others[other.id].is_same()], [_delete(other.id)])

    def _seen(self, record: _Record) -> SeenSession:
        return SeenSession(record.key, record.revision, record.content["ttl"])

    async def _request(self, session: LeaseSession, ask: Callable[[_Member, Any], Awaitable[T | None]]) -> T:
        """Send a request in the latest line of its session; `ask` returns None if there is a later one, or none."""
        here, key = self._member(session), self._sessions + session.id

        async def run() -> T | None:
            while True:
                if here.line is None or here.line[0] != session.id:
                    value = json.dumps({"member": session.member, "ttl": session.ttl, "line": secrets.token_hex(8)})
                    if not (await here.client.change([_exists(key)], [_put(key, value)]))[0]:
                        return None
                    here.line = session.id, _has_value(key, value)
                try:
                    answer = await ask(here, here.line[1])
                except BaseException:
                    here.line = None
                    raise
                if answer is not None:
                    return answer
                here.line = None

        async with here.lock:
            answer = await here.client.run(run)
        if answer is None:
            raise _ended(session)
        return answer


class _Member:
    """The connections of a member, and its requests: one after the other, beside renewals."""

    def __init__(self, client: _Client) -> None:
        self.client = client
        self.watch = SessionWatch()
        self.lock = asyncio.Lock()
        self.line: tuple[str, dict[str, Any]] | None = None
        """A session, and the comparison with its latest line; None after a request that got no answer."""


class _Unanswered(Exception):
    """A request that may have had an effect or not."""


class _Client:
    """A client of etcd's HTTP gateway that asks the next endpoint if one does not answer."""

    def __init__(
        self, driver: Any, endpoints: list[str], sign_in: dict[str, str] | None, verify: Any, limit: float
    ) -> None:
        self._driver = driver
        self._endpoints = endpoints
        self._at = 0
        self._sign_in = sign_in
        self._token: str | None = None
        self._http = driver.AsyncClient(timeout=limit / len(endpoints), trust_env=False, verify=verify)

    @property
    def where(self) -> str:
        """The endpoint that is asked."""
        return urlsplit(self._endpoints[self._at]).netloc

    async def run(self, request: Callable[[], Awaitable[T]]) -> T:
        """Return the answer of a request that may be repeated, from the first endpoint that gives one."""
        problems: list[str] = []
        for _ in self._endpoints:
            try:
                return await request()
            except _Unanswered as error:
                problems.append(str(error))
                self._at = (self._at + 1) % len(self._endpoints)
        raise LeaseUnavailable("; ".join(problems))

    async def change(
        self, compare: list[Any], success: list[Any], failure: list[Any] | None = None
    ) -> tuple[bool, list[list[_Record]]]:
        """Send a transaction; return whether its comparisons held, and the records that each operation has found."""
        answer = await self._signed("/v3/kv/txn", {"compare": compare, "success": success, "failure": failure or []})
        rows = [next(iter(part.values())) for part in answer.get("responses", [])]
        return answer.get("succeeded", False), [list(map(_Record, row.get("kvs", []))) for row in rows]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _signed(self, path: str, body: Any) -> Any:
        """Post with the token of the user; a token that has expired is renewed once."""
        for again in (True, False):
            if self._sign_in is not None and self._token is None:
                _, answer = await self._post(SIGN_IN, self._sign_in)
                self._token = self._checked(answer).get("token", "")
            code, answer = await self._post(path, body)
            if not (again and self._token and (code == 16 or "auth store is old" in str(answer.get("error")))):
                break
            self._token = None
        return self._checked(answer)

    def _checked(self, answer: Any) -> Any:
        if "error" not in answer:
            return answer
        said, code = answer["error"], answer.get("code")
        if code in UNSURE:
            raise _Unanswered(f"etcd at {self.where} fails: {said}")
        kind = "refuses the user" if code in DENIED else "refuses a request"
        hint = "another user or password, with the right to the keys of the namespace" if code in DENIED else "its log"
        raise LeaseUnavailable(f"etcd at {self.where} {kind}: {said}; try {hint}")

    async def _post(self, path: str, body: Any) -> tuple[int | None, Any]:
        headers = {"Authorization": self._token} if self._token else {}
        try:
            response = await self._http.post(self._endpoints[self._at] + path, json=body, headers=headers)
            answer = response.json()
        except self._driver.TimeoutException:
            raise _Unanswered(f"etcd at {self.where} did not answer in time") from None
        except (self._driver.HTTPError, OSError) as error:
            raise _Unanswered(f"etcd at {self.where} cannot be reached: {error or type(error).__name__}") from None
        except ValueError:
            raise LeaseUnavailable(f"the server at {self.where} is no etcd 3.4 or later; try another address") from None
        if not isinstance(answer, dict):
            raise LeaseUnavailable(f"the server at {self.where} is no etcd 3.4 or later; try another address")
        return answer.get("code"), answer


class _Record:
    """A key with its value, as etcd has answered."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.key: str = b64decode(answer["key"]).decode()
        self.value: str = b64decode(answer.get("value", "")).decode()
        self.revision: int = int(answer["mod_revision"])

    @property
    def content(self) -> dict[str, Any]:
        """The value of a session or key."""
        return json.loads(self.value)

    def is_same(self) -> dict[str, Any]:
        """Return the comparison that it has not been changed since."""
        return {"key": _encode(self.key), "target": "MOD", "mod_revision": str(self.revision)}

    def has(self, comparison: dict[str, Any]) -> bool:
        """Return whether it has the value of a comparison."""
        return _encode(self.value) == comparison["value"]


def _encode(value: str) -> str:
    return b64encode(value.encode()).decode()


def _has_value(key: str, value: str) -> dict[str, Any]:
    return {"key": _encode(key), "target": "VALUE", "value": _encode(value)}


def _is_missing(key: str) -> dict[str, Any]:
    return {"key": _encode(key), "target": "VERSION", "version": "0"}


def _exists(key: str) -> dict[str, Any]:
    return {"key": _encode(key), "target": "VERSION", "result": "GREATER", "version": "0"}


def _put(key: str, value: str | None = None) -> dict[str, Any]:
    """Return the operation that writes a value, or the same one again."""
    content = {"ignore_value": True} if value is None else {"value": _encode(value)}
    return {"request_put": {"key": _encode(key), **content}}


def _range(key: str, *, prefix: bool = False) -> dict[str, Any]:
    return {"request_range": _selected(key, prefix=prefix)}


def _delete(key: str, *, prefix: bool = False) -> dict[str, Any]:
    return {"request_delete_range": _selected(key, prefix=prefix)}


def _selected(key: str, *, prefix: bool) -> dict[str, Any]:
    """Return a key, or all that begin with it."""
    end = {"range_end": _encode(f"{key[:-1]}{chr(ord(key[-1]) + 1)}")} if prefix else {}
    return {"key": _encode(key), **end}


def _checked(endpoints: list[Any]) -> list[str]:
    for endpoint in endpoints:
        parts = urlsplit(endpoint) if isinstance(endpoint, str) else None
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise BadArgument(
                "EtcdLeases(endpoints): expected addresses without a user, got something else; "
                "try 'http://127.0.0.1:2379', with user= and password="
            )
    if not endpoints:
        raise BadArgument("EtcdLeases(endpoints): expected addresses, got none; try 'http://127.0.0.1:2379'")
    return [endpoint.rstrip("/") for endpoint in endpoints]


def _client_maker(
    endpoints: list[str], user: str | None, password: str | None, tls: Tls | None
) -> Callable[[float], _Client]:
    """Return a function that makes a client; the password is no attribute of the store."""
    driver = _driver()
    verify: Any = False
    if any(endpoint.startswith("https") for endpoint in endpoints):
        verify = ssl.create_default_context() if tls is None else Contexts(tls).dials
        verify.check_hostname = True
    sign_in = None if user is None or password is None else {"name": user, "password": password}
    return lambda limit: _Client(driver, endpoints, sign_in, verify, limit)


def _driver() -> Any:
    try:
        import httpx
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        raise ImportError("EtcdLeases needs httpx; try: pip install httpx") from None
    return httpx


def _ended(session: LeaseSession) -> SessionEnded:
    return SessionEnded(f"the session of {session.member} has ended")
