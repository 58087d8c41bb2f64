"""A settings file is applied as a whole or not at all; changes are reported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from superlearner.settings.configuration import Change, Configuration
from superlearner.settings.settings import Settings
from superlearner.settings.sources import Problem, SettingsError, from_flags


class Watched:
    """Configuration with a file, and the changes it reported."""

    def __init__(self, folder: Path, text: str | None = None, **flags: Any) -> None:
        self.file = folder / "superlearner.toml"
        if text is not None:
            self.file.write_text(text)
        self.configuration = Configuration(self.file, flags=from_flags(flags))
        self.changes: list[Change] = []
        self.refused: list[Problem] = []
        self.configuration.listen(self.changes.extend, lambda _, problems: self.refused.extend(problems))

    def write(self, text: str) -> None:
        """Rewrite the file, and check it until it is read."""
        beside = self.file.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.file)
        self.look()

    def look(self) -> None:
        self.configuration.look()
        self.configuration.look()

    @property
    def reported(self) -> list[str]:
        return [str(one) for one in self.changes]


def test_a_change_of_the_file_takes_effect_and_is_reported_with_its_line(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "kill_wait = 3.0\n")
    watched.write("# slower\n\nkill_wait = 4.0\nscan_interval = 1.0\n")
    assert (watched.configuration.current.kill_wait, watched.configuration.current.scan_interval) == (4.0, 1.0)
    assert watched.reported == [
        "kill_wait is 4.0 (was 3.0; superlearner.toml, line 3)",
        "scan_interval is 1.0 (was 2.0; superlearner.toml, line 4)",
    ]


def test_a_file_is_not_read_while_it_is_being_written(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "kill_wait = 3.0\n")
    watched.file.write_text("")  # an editor that writes in place begins with nothing
    watched.configuration.look()
    watched.file.write_text("kill_wait = 4.0\n")
    watched.look()
    assert watched.reported == ["kill_wait is 4.0 (was 3.0; superlearner.toml, line 1)"]


def test_a_removed_file_has_no_effect_and_may_be_created_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "kill_wait = 3.0\n")
    watched.file.unlink()
    watched.look()
    assert (watched.configuration.current.kill_wait, watched.configuration.file.state) == (5.0, "absent")
    watched.write("kill_wait = 2.0\n")
    assert (watched.configuration.current.kill_wait, watched.configuration.file.state) == (2.0, "applied")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("kill_wait = 3\nkill_wait = = 4\n", 2, "invalid value in `kill_wait = = 4`; expected lines such as"),
        ("\nkill_wait = 'long'\n", 2, "expected a number, got 'long'"),
        ("kill_wait = -1\n", 1, "expected a number greater than 0, got -1"),
        ("kill_wait = inf\n", 1, "expected a finite number, got inf"),
        ("scan_interval = 1\nkill_wiat = 4\n", 2, "did you mean kill_wait?"),
        ("scan_interval = 1\n[limits]\nmax_body = 5\n", 2, "got an unknown name; see docs/settings.md"),
        ("kill_wait = [\n1,\n", 3, "expected lines such as"),
        ("kill_wait = 1\nkill_wait = 2\n", 2, "cannot overwrite a value"),
    ],
)
def test_an_invalid_file_is_refused_as_a_whole_with_line_and_reason(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    watched = Watched(tmp_path, "kill_wait = 3.0\nscan_interval = 9\n")
    watched.write(text)
    (found,) = watched.refused
    assert found.line == line
    assert problem in found.problem
    assert str(found).startswith(f"superlearner.toml, line {line}: ")
    assert (watched.configuration.current.kill_wait, watched.configuration.current.scan_interval) == (3.0, 9.0)
    assert (watched.changes, watched.configuration.file.state) == ([], "refused")
    watched.write("kill_wait = 3.5\nscan_interval = 9\n")
    assert watched.reported == ["kill_wait is 3.5 (was 3.0; superlearner.toml, line 1)"]


def test_all_problems_are_reported_together_and_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    wrong = "port = 70000\nkill_wait = 0\nnonsense = 1\n"
    watched.write(wrong)
    watched.write(wrong)
    assert sorted((one.line, one.setting) for one in watched.refused) == [
        (1, "port"), (2, "kill_wait"), (3, "nonsense"),
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"#" * 200_000])
def test_binary_and_large_files_are_refused(tmp_path: Path, content: bytes) -> None:
    watched = Watched(tmp_path, "kill_wait = 3.0\n")
    watched.file.write_bytes(content)
    watched.look()
    assert len(watched.refused) == 1
    assert watched.configuration.current.kill_wait == 3.0


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "kill_wait = 3.0\n")
    watched.file.unlink()
    watched.file.mkdir()
    watched.look()
    (found,) = watched.refused
    assert "cannot be read" in found.problem
    assert watched.configuration.current.kill_wait == 3.0


def test_a_change_of_permissions_reloads_the_file(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "kill_wait = 3.0\n")
    before = watched.configuration.file.at
    os.chmod(watched.file, 0o600)
    watched.look()
    assert watched.configuration.file.at > before


def test_an_error_in_the_file_is_found_although_a_flag_overrides_it(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "kill_wait = 1\n", kill_wait=2.0)
    watched.write("kill_wait = 'x'\n")
    assert [one.line for one in watched.refused] == [1]
    watched.write("kill_wait = 4\n")
    assert watched.reported == []
    assert (watched.configuration.current.kill_wait, watched.configuration.given("kill_wait").where) == (
        2.0,
        "--kill-wait",
    )


def test_a_setting_that_needs_a_restart_is_reported_and_waits(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "port = 4001\n")
    watched.write("port = 4002\n")
    assert watched.reported == ["port will be 4002 after a restart (was 4001; superlearner.toml, line 1)"]
    assert watched.configuration.current.port == 4001
    assert watched.configuration.after_restart()["port"].value == 4002
    watched.write("port = 4001\n")
    assert watched.configuration.after_restart() == {}


def test_values_set_over_the_api_have_precedence_until_reset(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "kill_wait = 3.0\n")
    configuration = watched.configuration
    configuration.make(configuration.plan_set({"kill_wait": 1.0}, "the API (owner)"))
    watched.write("kill_wait = 4.0\n")
    assert (configuration.current.kill_wait, configuration.given("kill_wait").source) == (1.0, "api")
    configuration.make(configuration.plan_reset(["kill_wait"]))
    assert watched.reported == [
        "kill_wait is 1.0 (was 3.0; the API (owner))",
        "kill_wait is 4.0 (was 1.0; superlearner.toml, line 1)",
    ]


def test_one_invalid_value_rejects_all(tmp_path: Path) -> None:
    configuration = Watched(tmp_path).configuration
    with pytest.raises(SettingsError, match=r"^the API: kill_wait: expected a number greater than 0, got 0$"):
        configuration.plan_set({"scan_interval": 1.0, "kill_wait": 0}, "the API")
    assert configuration.current == Settings()


def test_a_listener_that_raises_does_not_affect_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    configuration = Configuration.of(Settings())
    watched: list[Any] = []

    def broken(_: Any) -> None:
        raise RuntimeError("mine")

    configuration.listen(broken)
    configuration.listen(watched.extend)
    configuration.make(configuration.plan_set({"kill_wait": 1.0}, "the API"))
    assert len(watched) == 1
    assert "this is a bug" in caplog.text
