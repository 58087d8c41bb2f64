"""The recipes of docs/access.md: every command is typed as printed, and people come in as it says.

The only additions are in the environment: the data directory, and a free port.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from superlearner.base.interfaces import machine_addresses

pytestmark = pytest.mark.program

GUIDE = Path(__file__).parents[2] / "docs" / "access.md"
SITUATION = re.compile(r"^\| [^|]+ \| \[[^]]+\]\(#([\w-]+)\) \|$", re.MULTILINE)
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"https?://\S+")
HERE = {"sec-fetch-site": "same-origin"}


def commands_of(anchor: str) -> list[str]:
    """Return the blocks of commands of a section."""
    parts = re.split(r"^## (.+)\n", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    texts = {title.lower().replace(" ", "-"): text for title, text in zip(parts[1::2], parts[2::2], strict=True)}
    return BLOCK.findall(texts[anchor])


class Shell:
    """A person's terminal in an empty folder, with a data directory that nobody has used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        own = {key: value for key, value in os.environ.items() if not key.startswith("SUPERLEARNER_")}
        self.environment = {
            **own, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "SUPERLEARNER_PORT": "0",
            "SUPERLEARNER_DATA_DIR": str(folder / "data"), "SUPERLEARNER_BROWSER": "false", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        self.platforms: list[subprocess.Popen[str]] = []

    def begin(self, block: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-e", "-c", block], cwd=self.folder, env=self.environment, stdout=PIPE, stderr=PIPE, text=True
        )

    def run(self, block: str) -> list[str]:
        """Run a block of commands to its end; return the addresses in its output."""
        commands = self.begin(block)
        said, errors = commands.communicate(timeout=60)
        assert commands.returncode == 0, f"{block}{said}{errors}"
        return ADDRESS.findall(said)

    def serve(self, block: str, *, beyond: bool) -> tuple[str, list[str]]:
        """Run a block that starts a platform; return the owner's link and, from the next line, what others open."""
        platform = self.begin(f"exec {block}")
        self.platforms.append(platform)
        assert platform.stdout is not None
        first, second = platform.stdout.readline(), platform.stdout.readline() if beyond else ""
        assert "/?token=" in first, platform.communicate()[1]
        return ADDRESS.findall(first)[0], ADDRESS.findall(second)

    def end(self) -> None:
        for platform in self.platforms:
            platform.kill()
            platform.communicate()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    opened = Shell(tmp_path)
    yield opened
    opened.end()


class Browser:
    """A browser elsewhere, for which all names of hosts lead to this machine."""

    def __init__(self, trusts: ssl.SSLContext | None = None) -> None:
        self.trusts = trusts or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.session: dict[str, str] = {}

    def ask(self, method: str, address: str, path: str = "", **options: Any) -> httpx.Response:
        """Make a request to an address, or to a path beside it."""
        url = httpx.URL(address).join(path) if path else httpx.URL(address)
        to = url if url.host in machine_addresses() else url.copy_with(host="127.0.0.1")
        headers = {"host": url.netloc.decode(), **self.session, **options.pop("headers", {})}
        with httpx.Client(verify=self.trusts, timeout=30) as client:
            return client.request(method, to, headers=headers, extensions={"sni_hostname": url.host}, **options)

    def sign_in(self, link: str) -> Browser:
        """Open a link and press its button."""
        assert self.ask("GET", link).status_code == 200
        answer = self.ask("POST", link, headers=HERE)
        assert answer.status_code == 303, answer.text
        return self.keep(answer)

    def open(self, link: str) -> Browser:
        """Open the owner's link."""
        answer = self.ask("GET", link)
        assert answer.status_code == 303, answer.text
        return self.keep(answer)

    def keep(self, answer: httpx.Response) -> Browser:
        """Keep the session, for all names of this machine."""
        self.session = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
        return self

    def me(self, address: str) -> tuple[str, str, list[str]]:
        """Return name, role and scopes of the user."""
        me = self.ask("GET", address, "/api/v1/arsenal/whoami").json()["data"]
        return me["user"], me["role"], me["scopes"]

    def status(self, address: str, path: str, body: Any = None) -> int:
        method = "GET" if body is None else "POST"
        return self.ask(method, address, f"/api/v1{path}", json=body, headers=HERE).status_code


def certificate(folder: Path, host: str, name: str) -> ssl.SSLContext:
    """Write `NAME.pem` and `NAME.key`, a certificate for `host` that is its own authority; return trust in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return ssl.create_default_context(cafile=str(file))


OWNER = ("owner", "owner", ["read", "operate", "code", "admin"])


def test_alone(shell: Shell) -> None:
    (run,) = commands_of("alone")
    link, _ = shell.serve(run, beyond=False)
    assert Browser().open(link).me(link) == OWNER
    spent = Browser().ask("GET", link)  # the link signs in once; its cookie only says why it does not now
    assert [name.rpartition("-")[2] for name in spent.cookies] == ["link"]
    assert [Browser().status(link, path) for path in ("/supervisors", "/users")] == [200, 403]
    another, *_ = shell.run(run)
    assert another != link
    assert Browser().open(another).me(link) == OWNER


def test_a_colleague_looks_on(shell: Shell) -> None:
    if not machine_addresses():
        pytest.skip("this machine has no address besides loopback")
    run, add, later = commands_of("a-colleague-looks-on")
    link, others = shell.serve(run, beyond=True)
    assert Browser().open(link).me(link) == OWNER
    assert [httpx.URL(other).host for other in others] == machine_addresses()
    assert {Browser().status(other, "/supervisors") for other in others} == {401}
    (invitation,) = shell.run(add)
    assert httpx.URL(invitation).host == machine_addresses()[0]
    ada = Browser().sign_in(invitation)
    assert ada.me(invitation) == ("ada", "viewer", ["read"])
    assert Browser().ask("POST", invitation, headers=HERE).status_code == 410
    assert (ada.status(invitation, "/supervisors"), ada.status(invitation, "/processes/gc", {})) == (200, 403)
    shell.run(later)
    assert ada.status(invitation, "/supervisors") == 401


@pytest.mark.parametrize("encrypted", [pytest.param(False, marks=pytest.mark.slow), True], ids=["http", "https"])
def test_a_class(shell: Shell, tmp_path: Path, *, encrypted: bool) -> None:
    if not (encrypted or machine_addresses()):
        pytest.skip("this machine has no address besides loopback")
    *runs, learners, lookers_on = commands_of("a-class-of-thirty")
    run = runs[encrypted]
    trusts = certificate(tmp_path, "teacher.example", "teacher")
    (tmp_path / "names.txt").write_text("ada\nben\n")
    (tmp_path / "names-who-look-on").write_text("eve\n")
    _, others = shell.serve(run, beyond=True)
    assert httpx.URL(others[0]).host == ("teacher.example" if encrypted else machine_addresses()[0])
    assert Browser(trusts).status(others[0], "/supervisors") == 401
    ada, ben = (Browser(trusts).sign_in(one) for one in shell.run(learners))
    assert [one.me(others[0]) for one in (ada, ben)] == [("ada", "learner", ["own"]), ("ben", "learner", ["own"])]
    assert ada.status(others[0], "/sandboxes", {"sandbox_id": "a", "demo": "demo_one_for_one"}) == 200
    assert [one.status(others[0], "/sandboxes/a") for one in (ada, ben)] == [200, 403]
    (invitation,) = shell.run(lookers_on)
    eve = Browser(trusts).sign_in(invitation)
    assert eve.me(invitation)[2] == ["read", "own"]
    assert [eve.status(invitation, path) for path in ("/sandboxes/a", "/supervisors")] == [200, 200]
    assert eve.status(invitation, "/sandboxes/a/restart", {}) == 403


def test_a_server_on_the_internet_with_a_certificate(shell: Shell, tmp_path: Path) -> None:
    run, _ = commands_of("a-server-on-the-internet")
    trusts = certificate(tmp_path, "shop.example", "shop")
    _, others = shell.serve(run, beyond=True)
    assert httpx.URL(others[0]).host == "shop.example"
    assert Browser(trusts).status(others[0], "/supervisors") == 401
    assert Browser(trusts).ask("GET", others[0], "/sign-in", headers={"host": "evil.example"}).status_code == 403


def test_a_server_on_the_internet_behind_a_proxy(shell: Shell) -> None:
    _, run = commands_of("a-server-on-the-internet")
    link, _ = shell.serve(run, beyond=False)
    assert Browser().status(link, "/supervisors") == 401
    by_proxy = {"host": "shop.example", "x-forwarded-for": "198.51.100.7", "x-forwarded-proto": "https"}
    assert Browser().ask("GET", link, "/sign-in", headers=by_proxy).status_code == 200
    shell.run("superlearner user add ada --role viewer")
    (invitation,) = shell.run("superlearner user link ada")
    assert invitation.startswith("https://shop.example/sign-in/")
    through = str(httpx.URL(invitation).copy_with(scheme="http", host="127.0.0.1", port=httpx.URL(link).port))
    answer = Browser().ask("POST", through, headers={**by_proxy, **HERE})
    assert (answer.status_code, "; Secure" in answer.headers["set-cookie"]) == (303, True)


def test_each_situation_has_a_recipe_and_each_recipe_a_test() -> None:
    names = {name for name in globals() if name.startswith("test_")}
    for anchor in SITUATION.findall(GUIDE.read_text(encoding="utf-8")):
        assert commands_of(anchor)
        words = anchor.replace("-", "_").removesuffix("_of_thirty")
        assert any(name.startswith(f"test_{words}") for name in names), anchor
    assert len(SITUATION.findall(GUIDE.read_text(encoding="utf-8"))) == 4
