"""A warm start behaves like any program: own streams and folder, an exit code, an end by signal."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from warm_start import WarmStart

pytestmark = pytest.mark.program


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmStart]:
    with WarmStart() as found:
        yield found


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "SUPERLEARNER_DATA_DIR": str(tmp_path / "data"), "SUPERLEARNER_BROWSER": "false"}


def test_streams_and_exit_code_are_its_own(warm: WarmStart, tmp_path: Path, env: dict[str, str]) -> None:
    told, refused = warm.begin("--version", cwd=tmp_path, env=env), warm.begin("fly", cwd=tmp_path, env=env)
    assert told.communicate(30)[0].startswith("superlearner ")
    said, errors = refused.communicate(30)
    assert (told.returncode, refused.returncode, said) == (0, 2, "")
    assert "fly" in errors


def test_folder_and_environment_are_its_own(warm: WarmStart, tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "superlearner.toml").write_text("port = 'many'\n")
    assert "superlearner.toml" in warm.begin("config", cwd=tmp_path, env=env).communicate(30)[1]
    other = {**env, "SUPERLEARNER_PORT": "none"}
    assert "SUPERLEARNER_PORT" in warm.begin("config", cwd=tmp_path.parent, env=other).communicate(30)[1]


def test_a_signal_ends_it_and_what_it_was_can_be_read_until_somebody_waited(
    warm: WarmStart, tmp_path: Path, env: dict[str, str]
) -> None:
    program = warm.begin("run", "--port", "0", cwd=tmp_path, env=env)
    assert "runs at" in program.stdout.readline()
    assert program.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0)
    program.kill()
    program.until_ended(30)
    assert Path(f"/proc/{program.pid}/stat").exists()
    assert program.wait() == program.poll() == -signal.SIGKILL
    assert not Path(f"/proc/{program.pid}").exists()
    assert program.communicate(30) == ("", "")
    program.kill()  # nobody any more
