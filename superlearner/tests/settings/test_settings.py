"""Settings: defaults < file < environment < flags; errors name the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from superlearner.settings.sources import SettingsError, load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "HOST", "DATA_DIR", "BROWSER", "AUTH"):
        monkeypatch.delenv(f"SUPERLEARNER_{name}", raising=False)
    return tmp_path


def test_a_flag_overrides_the_environment_which_overrides_the_file(
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


def test_the_error_for_an_invalid_value_names_source_and_value(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=r"--port.*99999"):
        load_settings(port=99999)
    monkeypatch.setenv("SUPERLEARNER_PORT", "many")
    with pytest.raises(SettingsError, match=r"SUPERLEARNER_PORT.*'many'"):
        load_settings()


def test_an_error_explains_that_a_file_is_not_toml(elsewhere: Path) -> None:
    (elsewhere / "superlearner.toml").write_text("port = = 1")
    with pytest.raises(SettingsError, match=r"superlearner\.toml"):
        load_settings()


def test_the_address_brackets_ipv6() -> None:
    assert load_settings(host="::1", port=1).address == "http://[::1]:1"


@pytest.mark.parametrize(
    ("host", "auth", "asks"),
    [
        ("127.0.0.1", None, False),
        ("127.0.0.2", None, False),
        ("::1", None, False),
        ("localhost", "none", False),
        ("127.0.0.1", "all", True),
        ("0.0.0.0", None, True),
        ("::", None, True),
        ("192.0.2.1", "all", True),
        ("shop.example", None, True),
    ],
)
def test_credentials_are_required_beyond_loopback(host: str, auth: str | None, asks: bool) -> None:
    assert load_settings(host=host, auth=auth).requires_credentials is asks


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "shop.example"])
def test_network_access_always_needs_credentials(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(SettingsError, match=r"^--auth: expected 'all', or the host 127.0.0.1.*, got 'none'$"):
        load_settings(host=host, auth="none")
    (elsewhere / "superlearner.toml").write_text(f'host = "{host}"\n')
    monkeypatch.setenv("SUPERLEARNER_AUTH", "none")
    with pytest.raises(SettingsError, match="SUPERLEARNER_AUTH"):
        load_settings()
