"""The two wheels serve the product from an empty environment and folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tools.files import ROOT, written_files
from tools.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_LINKED = re.compile(r"""(?:src|href)=["']([^"'#]+\.(?:css|js|mjs|svg|woff2|png|ico)(?:\?[^"']*)?)["']""")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("wheels")
    for package in ("otp", "superlearner"):
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
        subprocess.run(build, cwd=ROOT / package, check=True, stdout=subprocess.DEVNULL)
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "runtime.txt")], check=True)
    subprocess.run([*pip, "--no-deps", "--no-index", *map(str, wheels)], check=True)
    return folder


@pytest.fixture
def server(environment: Path, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    empty = {"HOME": str(tmp_path), "PATH": f"{environment / 'bin'}{os.pathsep}{os.defpath}"}
    with serving(environment / "bin" / "superlearner", tmp_path, empty) as address_and_process:
        yield address_and_process


def get(address: str) -> tuple[int, str]:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.status, answer.read().decode("utf-8", "replace")


@pytest.mark.parametrize(("package", "wheel_name"), [("otp", "superlearner_otp-"), ("superlearner", "superlearner-")])
def test_a_wheel_holds_every_file_of_its_sources(wheels: list[Path], package: str, wheel_name: str) -> None:
    sources = Path(package, "src")
    expected = {path.relative_to(sources).as_posix() for path in written_files() if path.is_relative_to(sources)}
    with zipfile.ZipFile(next(wheel for wheel in wheels if wheel.name.startswith(wheel_name))) as archive:
        assert set() == expected - set(archive.namelist())


def test_the_library_has_no_requirements(wheels: list[Path]) -> None:
    with zipfile.ZipFile(next(wheel for wheel in wheels if wheel.name.startswith("superlearner_otp-"))) as archive:
        metadata = archive.read("superlearner_otp-0.1.0.dist-info/METADATA").decode()
    needs = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    assert [  # only the extras have requirements
        "Requires-Dist: msgspec>=0.19; extra == 'cluster'",
        "Requires-Dist: httpx>=0.28; extra == 'etcd'",
        "Requires-Dist: asyncpg>=0.30; extra == 'postgres'",
        "Requires-Dist: msgspec>=0.19; extra == 'remote'",
    ] == needs
    assert "License-Expression: Apache-2.0" in metadata


def test_the_requirements_of_the_platform_are_in_the_lock(environment: Path) -> None:
    done = subprocess.run([environment / "bin" / "python", "-m", "pip", "check"], capture_output=True, text=True)
    assert (0, "No broken requirements found.") == (done.returncode, done.stdout.strip())


def test_page_static_files_and_health_are_served_from_an_empty_folder(
    server: tuple[str, subprocess.Popen[str]],
) -> None:
    address, process = server
    status, page = get(address)
    assert status == 200
    linked = sorted({urljoin(address, link) for link in _LINKED.findall(page)})
    assert linked, "the page names no static file"
    assert dict.fromkeys(linked, 200) == {link: get(link)[0] for link in linked}
    assert 200 == get(urljoin(address, "/docs/behaviours/supervisor"))[0]
    assert "when-to-give-up" in get(urljoin(address, "/docs/search?q=when+to+give+up"))[1]
    status, ready = get(urljoin(address, "/health/ready"))
    assert status == 200
    assert json.loads(ready)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
