"""Stores of leases of a member, from the address that users write."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tools.postgres import Postgres

from superlearner.cluster.lease_store import lease_arguments_of, lease_store_of
from superlearner.cluster.ways import BadWay

Run = Callable[..., subprocess.CompletedProcess[str]]

URLS = {
    "postgresql://ada@db/shop": "PostgresLeases('db/shop', namespace='otp')",
    "postgres://db,db2:6432/shop?application_name=x": "PostgresLeases('db,db2:6432/shop', namespace='otp')",
    "etcd:http://e1:2379,http://e2:2379": "EtcdLeases(['http://e1:2379', 'http://e2:2379'], namespace='otp')",
}
SECRETS = [
    "postgresql://ada:secret@db/shop",
    "postgresql://ada:@db/shop",
    "postgresql://db/shop?user=ada&password=secret",
    "postgresql://ada:secret@db,db2/shop",
    "etcd:http://ada:secret@e1:2379",
    "etcd:http://e1:2379,http://ada:secret@e2:2379",
]

PROGRAM = """
import otp
from otp import Children, Ok, Supervisor
from otp.cluster import DistributedRegistry, epoch


class Owner(otp.GenServer):
    async def init(self, arg):
        await DistributedRegistry.register("jobs", "mail")
        print("epoch", epoch(("jobs", "mail")), flush=True)
        return Ok(None)


class Jobs(Supervisor):
    def init(self, arg):
        return Children([DistributedRegistry.child_spec(name="jobs", consistency="lease"), (Owner, None)])
"""


@pytest.mark.parametrize("url", URLS)
def test_an_address_names_a_store(url: str, tmp_path: Path) -> None:
    file = tmp_path / "leases"
    file.write_text(f"{url}\n")
    assert [URLS[url]] * 3 == [
        repr(lease_store_of(url, {})),
        repr(lease_store_of(None, {"OTP_LEASES": url})),
        repr(lease_store_of(f"file:{file}", {})),
    ]


def test_without_an_address_there_is_no_store() -> None:
    assert lease_store_of(None, {}) is None
    assert "db/other" in repr(lease_store_of("postgresql://db/other", {"OTP_LEASES": "postgresql://db/shop"}))


@pytest.mark.parametrize("url", SECRETS)
def test_a_password_is_refused_in_the_argument_alone(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadWay, match="try the variable OTP_LEASES, or --leases file:PATH") as caught:
        lease_store_of(url, {})
    assert "secret" not in str(caught.value)
    file = tmp_path / "leases"
    file.write_text(url)
    file.chmod(0o600)
    for store in (lease_store_of(None, {"OTP_LEASES": url}), lease_store_of(f"file:{file}", {})):
        assert "secret" not in repr(store)
    file.chmod(0o644)
    with pytest.raises(BadWay, match=r"can be read by others \(mode 0644\); try `chmod 600") as caught:
        lease_store_of(f"file:{file}", {})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://db/shop", "db", "etcd:e1:2379", "etcd:", "", "postgresql", "file:"])
def test_an_address_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(BadWay, match=r"expected|cannot read"):
        lease_store_of(url, {})


@pytest.mark.program
def test_a_password_in_the_argument_of_a_member_ends_it_with_2(superlearner: Run) -> None:
    done = superlearner("node", "b", "--leases", "postgresql://ada:secret@db/shop")
    assert (2, "") == (done.returncode, done.stdout)
    assert "try the variable OTP_LEASES, or --leases file:PATH" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.program
def test_a_member_with_leases_owns_a_key_and_frees_it_when_it_leaves(
    command: Callable[..., Any], postgres: Postgres, tmp_path: Path
) -> None:
    (tmp_path / "jobs.py").write_text(PROGRAM)
    (tmp_path / "leases").write_text(postgres.new_database())
    (tmp_path / "leases").chmod(0o600)
    for number in (1, 2):
        member = command(
            "node", "b", "--data-dir", str(tmp_path / "data"), "--app", "jobs.py:Jobs", "--leases", "file:leases",
            cwd=tmp_path, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            assert [f"epoch {number}\n", f"member b@127.0.0.1 ready, 1 member, process {member.pid}\n"] == [
                member.stdout.readline() for _ in range(2)
            ]
            member.send_signal(signal.SIGTERM)
            assert 0 == member.wait(20)
        finally:
            if member.poll() is None:
                member.kill()
            member.communicate()


def test_user_and_password_of_etcd_are_unquoted() -> None:
    found = lease_arguments_of(None, {"OTP_LEASES": "etcd:http://ad%40a:se%2Fcr%25t@e1:2379,http://e2:2379"})
    assert {
        "endpoints": ["http://e1:2379", "http://e2:2379"],
        "user": "ad@a",
        "password": "se/cr%t",
    } == found


def test_the_mode_that_is_checked_is_that_of_the_file_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public, link = (tmp_path / name for name in ("private", "public", "link"))
    private.write_text("postgresql://ada:secret@db/mine")
    private.chmod(0o600)
    public.write_text("postgresql://ada:secret@db/other")
    link.symlink_to(private)

    def swap_after(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(*args: Any, **options: Any) -> Any:
            found = look(*args, **options)
            link.unlink()
            link.symlink_to(public)
            return found

        return looked

    monkeypatch.setattr(Path, "stat", swap_after(Path.stat))
    monkeypatch.setattr(os, "fstat", swap_after(os.fstat))
    assert {"dsn": "postgresql://ada:secret@db/mine"} == lease_arguments_of(f"file:{link}", {})


def test_an_address_that_cannot_be_read_is_refused_in_a_sentence() -> None:
    with pytest.raises(BadWay, match="cannot be read"):
        lease_store_of("postgresql://[::1/db", {})


def test_a_password_that_is_not_escaped_is_refused_and_not_shown() -> None:
    with pytest.raises(BadWay, match="escaped") as caught:
        lease_store_of(None, {"OTP_LEASES": "postgresql://ada:se/cret@db/shop"})
    assert "cret" not in str(caught.value)
    with pytest.raises(BadWay, match="without a password"):
        lease_store_of("postgresql://ada:se/cret@db/shop", {})
