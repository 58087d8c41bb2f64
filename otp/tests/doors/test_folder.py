"""The folder of a user for doors and sockets, whatever the surroundings are."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from other_user import NOBODY, OtherUser, needs_root
from otp.doors import runtime_folder
from otp.kernel.values.errors import BadArgument


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short path, in which temporary files go."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("base", ["missing/deeper", "a file", "x" * 90, None])
def test_an_unusable_runtime_folder_is_replaced_by_one_for_temporary_files(
    base: str | None, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short / "a file").touch()
    (short / ("x" * 90)).mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    if base is not None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(short / base))
    assert short / f"otp-{os.getuid()}" == runtime_folder()
    assert 0o700 == stat.S_IMODE(runtime_folder().stat().st_mode)


def test_a_runtime_folder_that_works_is_used(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    assert short / "otp" == runtime_folder()


@needs_root
def test_a_runtime_folder_that_is_read_only_is_replaced(short: Path) -> None:
    """Asked as another user: root may write everywhere."""
    (short / "otp").mkdir(mode=0o700)
    for path in (short, short / "otp"):
        os.chown(path, NOBODY, NOBODY)
    (short / "otp").chmod(0o500)
    with OtherUser(
        "import tempfile\nfrom otp.doors import runtime_folder\n"
        "def attack(base):\n"
        "    os.environ['XDG_RUNTIME_DIR'] = tempfile.tempdir = base\n"
        "    return str(runtime_folder())\n"
    ) as other:
        assert str(short / f"otp-{NOBODY}") == other(str(short))


@pytest.mark.parametrize("fault", ["open to others", pytest.param("another user's", marks=needs_root), "a link"])
def test_a_folder_that_others_could_have_prepared_is_refused(
    fault: str, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    path = short / f"otp-{os.getuid()}"
    if fault == "a link":
        (short / "elsewhere").mkdir(mode=0o700)
        path.symlink_to(short / "elsewhere")
    else:
        path.mkdir(mode=0o700)
    if fault == "open to others":
        path.chmod(0o755)
    elif fault == "another user's":
        os.chown(path, NOBODY, NOBODY)
    with pytest.raises(BadArgument, match="to be a folder of this user alone"):
        runtime_folder()
