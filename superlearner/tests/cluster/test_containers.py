"""The example with containers: its commands exist, and its addresses and certificate names work."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tools.files import ROOT
from typer.testing import CliRunner

from lan_of_namespaces import Lan
from superlearner.cli.entry import app
from superlearner.cluster.certificates import make_certificates
from superlearner.settings.settings import Settings

EXAMPLE: Final = ROOT / "examples" / "containers"
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((EXAMPLE / "compose.yaml").read_text("utf-8"))
DATA: Final = "/var/lib/superlearner"
CERTIFICATES: Final = "/run/certificates"
COOKIE: Final = "/run/secrets/cookie"
PREFIX: Final = "SUPERLEARNER_"
HEADER: Final = re.compile(r"^#.*?\b(superlearner [a-z][^`\n]*)", re.MULTILINE)


def find_commands(text: str) -> list[list[str]]:
    """Return the arguments of each `superlearner` command in a shell line."""
    words = shlex.split(text, comments=False)
    ends = [*(place for place, word in enumerate(words) if word in ("|", "&&", ";")), len(words)]
    places = [place for place, word in enumerate(words) if word == "superlearner"]
    return [words[place + 1 : next(end for end in ends if end > place)] for place in places]


def commands() -> Iterator[list[str]]:
    for service in COMPOSE["services"].values():
        for words in (service["command"], service["healthcheck"]["test"]):
            yield from find_commands(words[-1] if words[0] in ("sh", "CMD-SHELL") else shlex.join(words))
    for line in HEADER.findall((EXAMPLE / "compose.yaml").read_text("utf-8")):
        yield from find_commands(line)
    for line in re.findall(r"`(superlearner [^`]*)`", containers_page()):
        yield from find_commands(line.replace("\n", " "))


def containers_page() -> str:
    page = (ROOT / "docs" / "cluster-start.md").read_text("utf-8")
    return page.partition("\n## In containers\n")[2].partition("\n## ")[0]


def test_each_command_of_the_example_and_its_page_exists_with_its_options() -> None:
    found = list(commands())
    starts = {" ".join(words[:size]) for words in found for size in (1, 2)}
    assert {"run", "node", "cluster status", "cluster certificate"} <= starts
    for words in found:
        done = CliRunner().invoke(app, [*words, "--help"])
        assert done.exit_code == 0, (words, done.output)
    assert CliRunner().invoke(app, ["node", "b", "--advertised", "b:7447", "--help"]).exit_code == 2


def test_the_settings_of_the_platform_exist() -> None:
    given = COMPOSE["services"]["platform"]["environment"]
    names = {name.removeprefix(PREFIX).lower() for name in given}
    assert names <= set(Settings.model_fields)
    assert names >= {"cluster_listen", "cluster_advertise", "cluster_ca", "cluster_cert", "cluster_key", "discovery"}


def test_no_folder_of_data_is_shared_and_the_cookie_is_a_secret() -> None:
    services = COMPOSE["services"]
    mounts = [one.split(":") for service in services.values() for one in service["volumes"]]
    assert [source for source, target, *_ in mounts if target == DATA] == ["platform"]
    assert "deploy" not in services["platform"]
    assert all(rest == ["ro"] and "authority" not in source for source, target, *rest in mounts if target != DATA)
    assert {"cookie": {"file": "./cookie"}} == COMPOSE["secrets"]
    assert services["platform"]["secrets"] == [{"source": "cookie", "target": f"{DATA}/cookie"}]
    assert (services["member"]["secrets"], find_option("--cookie-file")) == (["cookie"], COOKIE)
    assert find_option("--data-dir") == DATA


def find_option(name: str) -> str:
    [words] = find_commands(COMPOSE["services"]["member"]["command"][-1])
    return words[words.index(name) + 1]


class Container:
    """A container of the example: a machine with its own names on the network, and its own folders."""

    def __init__(self, service: str, hostname: str, inside: Any, folder: Path) -> None:
        self.service, self.hostname, self._inside = COMPOSE["services"][service], hostname, inside
        [certificates] = [one for one in self.service["volumes"] if CERTIFICATES in one]
        data = folder / f"data-{hostname}"
        data.mkdir(mode=0o700)
        self._places = {
            DATA: str(data), COOKIE: str(folder / "cookie"),
            CERTIFICATES: str(folder / certificates.partition(":")[0]),
        }  # fmt: skip
        for secret in self.service["secrets"]:
            if isinstance(secret, dict):
                target = Path(self._place(secret["target"]))
                target.write_bytes((folder / "cookie").read_bytes())
                target.chmod(0o600)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        given = {name: self._place(value) for name, value in self.service.get("environment", {}).items()}
        self._environment = kept | given | {
            "HOSTNAME": hostname, "TMPDIR": str(folder), "XDG_RUNTIME_DIR": str(data), "PYTHONUNBUFFERED": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }  # fmt: skip
        self._hosts = str(folder / "hosts")

    def _place(self, text: str) -> str:
        for place, other in self._places.items():
            text = text.replace(place, other)
        return text.replace("$$", "$")

    def start(self, words: list[str]) -> subprocess.Popen[str]:
        """Start a command in it, which resolves the names of the network with its own file."""
        inside = self._inside(
            "unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', self._hosts
        )
        return subprocess.Popen(
            [*inside, *map(self._place, words)], env=self._environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start([*words])
        output, _ = process.communicate(timeout=90)
        return process.returncode, output

    def check_health(self) -> tuple[int, str]:
        kind, *words = self.service["healthcheck"]["test"]
        return self.run(*words) if kind == "CMD" else self.run("sh", "-c", *words)


@contextmanager
def running(container: Container) -> Iterator[subprocess.Popen[str]]:
    process = container.start(container.service["command"])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.program
def test_members_find_each_other_by_the_name_of_their_service_and_their_certificates(tmp_path: Path) -> None:
    names = {"first": "member", "second": "member", "platform": "platform"}
    (tmp_path / "cookie").write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "cookie").chmod(0o600)
    make_certificates(tmp_path / "certificates", ["member", "127.0.0.1"])
    with Lan(len(names)) as lan, ExitStack() as stack:
        at = dict(zip(names, lan.hosts, strict=True))
        lines = [f"{at[host]} {host}{' member' if names[host] == 'member' else ''}\n" for host in names]
        (tmp_path / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
        containers = {
            host: Container(service, host, lan.machines[at[host]].inside, tmp_path) for host, service in names.items()
        }
        programs = [stack.enter_context(running(one)) for one in containers.values()]
        first = containers["first"]
        code, output = first.run(
            "superlearner", "cluster", "status", "--wait", "3", "--timeout", "60", "--json", "--data-dir", DATA
        )
        assert code == 0, output
        members = {one["name"]: one["address"] for one in json.loads(output)["members"]}
        assert members == {
            "m-first@member": "tls/first:7447",
            "m-second@member": "tls/second:7447",
            "superlearner@127.0.0.1": "tls/platform:7447",
        }
        assert [(0, "")] * len(names) == [one.check_health() for one in containers.values()]
        for program in programs:
            program.send_signal(signal.SIGTERM)
        assert [0] * len(names) == [program.wait(60) for program in programs]
        assert first.check_health()[0] != 0
    assert [] == lan.left()
