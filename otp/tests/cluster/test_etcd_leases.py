"""Leases in etcd: members of etcd that fail, users and certificates, and what a store says that cannot be used."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tools.certificate_authority import Authority
from tools.etcd import Etcd, etcd_cluster
from tools.postgres import NotInstalled, free_port

from lease_sessions import A, B, opened
from otp.cluster import EtcdLeases, Held, LeaseUnavailable
from otp.cluster.scenarios import Verdict, play_real, read_scenario
from otp.kernel.values.errors import BadArgument
from otp.tests.shared.loops import turns

FILE = Path(__file__).parents[3] / "examples" / "scenarios" / "leased_worker.json"


@pytest.fixture(scope="module")
def three() -> Iterator[list[Etcd]]:
    """Three members of etcd; a test leaves all of them running."""
    try:
        with etcd_cluster(3) as servers:
            yield servers
    except NotInstalled as missing:
        pytest.skip(str(missing))


async def post(server: Etcd, path: str, **content: Any) -> Any:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        response = await client.post(f"{server.endpoint}/v3/{path}", json=content)
        assert 200 == response.status_code, response.text
        return response.json()


async def refusal(endpoints: Any, ttl: float = 6, **options: Any) -> str:
    """Return why a store cannot open a session."""
    with pytest.raises(LeaseUnavailable) as caught:
        await EtcdLeases(endpoints, **options).open("a", ttl)
    assert "secret" not in str(caught.value)
    return caught.value.reason[1]


def test_ttl_is_rounded_up_to_whole_seconds(etcd: list[Etcd]) -> None:
    async def main() -> float:
        async with opened(lambda: EtcdLeases(etcd[0].endpoint), "a", ttl=2.5) as ((_, session),):
            return session.ttl

    assert 3.0 == asyncio.run(main())


@pytest.mark.program
def test_a_scenario_with_leases_passes_on_real_members_and_leaves_no_key(etcd: list[Etcd]) -> None:
    async def main() -> tuple[Verdict, Any]:
        verdict = await play_real(read_scenario(FILE), {"endpoints": [etcd[0].endpoint]})
        first, end = b64encode(b"scenario-").decode(), b64encode(b"scenario.").decode()
        return verdict, await post(etcd[0], "kv/range", key=first, range_end=end)

    verdict, left = asyncio.run(main())
    assert verdict.passed, verdict
    assert 2 == len({event.data["pid"][0] for event in verdict.history if event.kind == "lease_acquired"})
    assert [] == left.get("kvs", [])


def test_a_late_request_that_was_given_up_has_no_effect(etcd: list[Etcd]) -> None:
    """A release that arrives late would free a key that its owner has registered again."""

    async def main() -> None:
        stores = (EtcdLeases(etcd[0].endpoint, namespace="late") for _ in "ab")
        async with opened(lambda: next(stores), "a", "b") as ((one, a), (two, b)):
            assert 1 == await one.acquire(a, "x", A)
            member = one._members["a"]
            assert member.line is not None
            line = member.line[1]
            task = asyncio.ensure_future(one.release(a, "x", A))
            await turns(3)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await one.acquire(a, "x", A) in (1, 2)
            for change in ([], [{"request_put": {"key": "eA==", "value": "eA=="}}]):
                assert (False, []) == await member.client.change([line], change)  # what the late one sends
            assert Held(A) == await two.acquire(b, "x", B)

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["killed", "stopped"])
def test_one_of_three_members_of_etcd_may_fail(three: list[Etcd], fault: str) -> None:
    endpoints = [server.endpoint for server in three]

    async def use(pairs: Any, key: str, epoch: int) -> None:
        (one, a), (two, b) = pairs
        await asyncio.gather(one.renew(a), two.renew(b))
        assert epoch == await one.acquire(a, key, A)
        assert Held(A) == await two.acquire(b, key, B)
        await one.release(a, key, A)
        assert epoch + 1 == await two.acquire(b, key, B)
        await two.release(b, key, B)

    async def main() -> None:
        async with opened(lambda: EtcdLeases(endpoints, namespace=fault), "a", "b", ttl=30) as pairs:
            await use(pairs, "x", 1)
            for number, server in enumerate(three):
                if fault == "killed":
                    server.kill()
                    await use(pairs, "x", 3 + 4 * number)
                    server.begin(three)
                    await asyncio.to_thread(server.wait_ready)
                else:
                    with server.stopped():
                        await use(pairs, "x", 3 + 4 * number)
                await use(pairs, "x", 5 + 4 * number)

    asyncio.run(main())


def test_without_a_majority_no_request_succeeds_and_nothing_is_lost(three: list[Etcd]) -> None:
    endpoints = [server.endpoint for server in three]

    async def main() -> None:
        async with opened(lambda: EtcdLeases(endpoints, namespace="alone"), "a", ttl=30) as ((one, a),):
            assert 1 == await one.acquire(a, "x", A)
            for server in three[1:]:
                server.kill()
            quick = EtcdLeases(endpoints, namespace="alone")
            assert "did not answer in time" in await refusal(endpoints, 3, namespace="alone")
            for server in three[1:]:
                server.begin(three)
            await asyncio.gather(*(asyncio.to_thread(server.wait_ready) for server in three[1:]))
            await one.renew(a)
            b = await quick.open("b", 30)
            assert Held(A) == await quick.acquire(b, "x", B)
            await quick.close(b)

    asyncio.run(main())


def test_a_key_of_another_version_is_refused_and_left_as_it_is(etcd: list[Etcd]) -> None:
    async def main() -> str:
        key = b64encode(b"newer/version").decode()
        await post(etcd[0], "kv/put", key=key, value="Mg==")
        why = await refusal(etcd[0].endpoint, namespace="newer")
        assert "Mg==" == (await post(etcd[0], "kv/range", key=key))["kvs"][0]["value"]
        return why

    why = asyncio.run(main())
    assert "has another version of the key newer/version: expected 1, got 2; try the same version of otp" in why


def test_users_sign_in_and_their_token_is_renewed() -> None:
    async def set_up(server: Etcd) -> None:
        for user in ("root", "ada", "guest"):
            await post(server, "auth/user/add", name=user, password="secret")
        await post(server, "auth/user/grant", user="root", role="root")
        await post(server, "auth/role/add", name="jobs")
        key, end = (b64encode(text).decode() for text in (b"jobs/", b"jobs0"))
        grant = {"permType": "READWRITE", "key": key, "range_end": end}
        await post(server, "auth/role/grant", name="jobs", perm=grant)
        await post(server, "auth/user/grant", user="ada", role="jobs")
        await post(server, "auth/enable")

    async def main(server: Etcd) -> None:
        def store(**options: Any) -> EtcdLeases:
            return EtcdLeases(server.endpoint, user="ada", password="secret", **({"namespace": "jobs"} | options))

        why = await refusal(server.endpoint, user="ada", password="secret")
        assert "refuses a request: etcdserver: authentication is not enabled" in why
        await set_up(server)
        async with opened(store, "a", "b") as ((one, a), (two, b)):
            assert 1 == await one.acquire(a, "x", A)
            for member in (one._members["a"], two._members["b"]):
                member.client._token = "a token that has expired"
            await one.renew(a)
            assert Held(A) == await two.acquire(b, "x", B)
        for options, said in (
            ({}, "user name is empty"),
            ({"user": "ada", "password": "secrets"}, "invalid user ID or password"),
            ({"user": "guest", "password": "secret"}, "permission denied"),
        ):
            why = await refusal(server.endpoint, namespace="jobs", **options)
            assert said in why
            assert "refuses the user: " in why
            assert why.endswith("; try another user or password, with the right to the keys of the namespace")

    try:
        with etcd_cluster() as (server,):
            asyncio.run(main(server))
    except NotInstalled as missing:
        pytest.skip(str(missing))


def test_connections_with_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    here, there = authority.member("a"), authority.member("etcd")
    stranger = Authority(tmp_path, "other").member("b")
    options = ("--cert-file", there.cert, "--key-file", there.key, "--client-cert-auth", "--trusted-ca-file", there.ca)

    async def main(server: Etcd) -> None:
        async with opened(lambda: EtcdLeases(server.endpoint, tls=here), "a") as ((one, a),):
            assert 1 == await one.acquire(a, "x", A)
        for tls in (None, stranger):
            assert "cannot be reached: " in await refusal(server.endpoint, tls=tls)

    try:
        with etcd_cluster(1, *options) as (server,):
            asyncio.run(main(server))
    except NotInstalled as missing:
        pytest.skip(str(missing))


def test_an_address_that_is_not_etcd_is_named() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")
        writer.close()

    async def main() -> None:
        port = free_port()
        why = await refusal([f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}"])
        assert why.startswith(f"etcd at 127.0.0.1:{port} cannot be reached: ")
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert f"the server at 127.0.0.1:{port} is no etcd" in await refusal(f"http://127.0.0.1:{port}")
        server.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "arguments",
    [
        {"endpoints": []},
        {"endpoints": ["127.0.0.1:2379"]},
        {"endpoints": "http://ada:secret@127.0.0.1:2379"},
        {"endpoints": [None]},
        {"endpoints": "http://e", "user": "ada"},
        {"endpoints": "http://e", "namespace": ""},
    ],
    ids=["none", "no scheme", "password", "no text", "no password", "no namespace"],
)
def test_arguments_of_another_form_are_refused(arguments: Any) -> None:
    with pytest.raises(BadArgument, match=r"EtcdLeases.*try") as caught:
        EtcdLeases(**arguments)
    assert "secret" not in str(caught.value)
