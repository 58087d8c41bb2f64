"""Settings: defaults < file < environment < flags, and wrong values name their source."""

from __future__ import annotations

from pathlib import Path

import pytest

from superlearner.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "HOST", "DATA_DIR", "BROWSER"):
        monkeypatch.delenv(f"SUPERLEARNER_{name}", raising=False)
    return tmp_path


def test_a_flag_wins_over_the_environment_which_wins_over_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().port == 4000
    (elsewhere / "superlearner.toml").write_text('port = 4001\nhost = "localhost"\n')
    assert (load_settings().port, load_settings().host) == (4001, "localhost")
    monkeypatch.setenv("SUPERLEARNER_PORT", "4002")
    assert load_settings().port == 4002
    assert load_settings(port=4003, host=None).port == 4003


def test_the_data_directory_comes_from_the_environment(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERLEARNER_DATA_DIR", str(elsewhere))
    assert load_settings().data_dir == elsewhere


def test_a_wrong_value_names_its_source_and_what_was_got(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"--port.*99999"):
        load_settings(port=99999)
    monkeypatch.setenv("SUPERLEARNER_PORT", "many")
    with pytest.raises(SettingsError, match=r"SUPERLEARNER_PORT.*'many'"):
        load_settings()


def test_a_file_that_is_no_toml_is_explained(elsewhere: Path) -> None:
    (elsewhere / "superlearner.toml").write_text("port = = 1")
    with pytest.raises(SettingsError, match=r"superlearner\.toml"):
        load_settings()


def test_the_address_brackets_ipv6() -> None:
    assert load_settings(host="::1", port=1).address == "http://[::1]:1"
