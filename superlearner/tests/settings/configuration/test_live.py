"""Settings of a platform that runs: the file is taken as a whole or not at all, and every change is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from superlearner.settings.configuration import Change, Configuration
from superlearner.settings.settings import Problem, Settings, SettingsError, from_flags


class Heard:
    """A configuration of a file, and what it told."""

    def __init__(self, folder: Path, text: str | None = None, **flags: Any) -> None:
        self.file = folder / "superlearner.toml"
        if text is not None:
            self.file.write_text(text)
        self.configuration = Configuration(self.file, flags=from_flags(flags))
        self.changes: list[Change] = []
        self.refused: list[Problem] = []
        self.configuration.listen(self.changes.extend, lambda _, problems: self.refused.extend(problems))

    def write(self, text: str) -> None:
        """Write the file anew, and let it be looked at until it counts."""
        beside = self.file.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.file)
        self.look()

    def look(self) -> None:
        self.configuration.look()
        self.configuration.look()

    @property
    def told(self) -> list[str]:
        return [str(one) for one in self.changes]


def test_a_change_of_the_file_takes_effect_and_is_told_with_its_line(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "kill_wait = 3.0\n")
    heard.write("# slower\n\nkill_wait = 4.0\nscan_interval = 1.0\n")
    assert (heard.configuration.current.kill_wait, heard.configuration.current.scan_interval) == (4.0, 1.0)
    assert heard.told == [
        "kill_wait is 4.0 (was 3.0; superlearner.toml, line 3)",
        "scan_interval is 1.0 (was 2.0; superlearner.toml, line 4)",
    ]


def test_a_file_that_is_being_written_is_not_read_in_the_middle(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "kill_wait = 3.0\n")
    heard.file.write_text("")  # an editor that writes in place begins with nothing
    heard.configuration.look()
    heard.file.write_text("kill_wait = 4.0\n")
    heard.look()
    assert heard.told == ["kill_wait is 4.0 (was 3.0; superlearner.toml, line 1)"]


def test_a_file_that_is_removed_gives_nothing_any_more_and_may_come_back(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "kill_wait = 3.0\n")
    heard.file.unlink()
    heard.look()
    assert (heard.configuration.current.kill_wait, heard.configuration.file.state) == (5.0, "absent")
    heard.write("kill_wait = 2.0\n")
    assert (heard.configuration.current.kill_wait, heard.configuration.file.state) == (2.0, "applied")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("kill_wait = 3\nkill_wait = = 4\n", 2, "invalid value in `kill_wait = = 4`; expected lines such as"),
        ("\nkill_wait = 'long'\n", 2, "expected a valid number, unable to parse string as a number, got 'long'"),
        ("kill_wait = -1\n", 1, "expected greater than 0, got -1"),
        ("kill_wait = inf\n", 1, "expected a finite number, got inf"),
        ("scan_interval = 1\nkill_wiat = 4\n", 2, "did you mean kill_wait?"),
        ("scan_interval = 1\n[limits]\nmax_body = 5\n", 2, "got an unknown name; see docs/settings.md"),
        ("kill_wait = [\n1,\n", 3, "expected lines such as"),
        ("kill_wait = 1\nkill_wait = 2\n", 2, "cannot overwrite a value"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_reason_and_nothing_of_it_is_taken(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    heard = Heard(tmp_path, "kill_wait = 3.0\nscan_interval = 9\n")
    heard.write(text)
    (found,) = heard.refused
    assert found.line == line
    assert problem in found.problem
    assert str(found).startswith(f"superlearner.toml, line {line}: ")
    assert (heard.configuration.current.kill_wait, heard.configuration.current.scan_interval) == (3.0, 9.0)
    assert (heard.changes, heard.configuration.file.state) == ([], "refused")
    heard.write("kill_wait = 3.5\nscan_interval = 9\n")
    assert heard.told == ["kill_wait is 3.5 (was 3.0; superlearner.toml, line 1)"]


def test_all_that_is_wrong_is_told_at_once_and_once_only(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    wrong = "port = 70000\nkill_wait = 0\nnonsense = 1\n"
    heard.write(wrong)
    heard.write(wrong)
    assert sorted((one.line, one.setting) for one in heard.refused) == [
        (1, "port"), (2, "kill_wait"), (3, "nonsense"),
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"#" * 200_000])
def test_what_is_no_text_or_too_large_is_refused(tmp_path: Path, content: bytes) -> None:
    heard = Heard(tmp_path, "kill_wait = 3.0\n")
    heard.file.write_bytes(content)
    heard.look()
    assert len(heard.refused) == 1
    assert heard.configuration.current.kill_wait == 3.0


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "kill_wait = 3.0\n")
    heard.file.unlink()
    heard.file.mkdir()
    heard.look()
    (found,) = heard.refused
    assert "cannot be read" in found.problem
    assert heard.configuration.current.kill_wait == 3.0


def test_a_change_of_the_rights_alone_makes_it_be_read_again(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "kill_wait = 3.0\n")
    before = heard.configuration.file.at
    os.chmod(heard.file, 0o600)
    heard.look()
    assert heard.configuration.file.at > before


def test_a_mistake_in_the_file_is_found_although_a_flag_wins_over_it(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "kill_wait = 1\n", kill_wait=2.0)
    heard.write("kill_wait = 'x'\n")
    assert [one.line for one in heard.refused] == [1]
    heard.write("kill_wait = 4\n")
    assert heard.told == []
    assert (heard.configuration.current.kill_wait, heard.configuration.given("kill_wait").where) == (2.0, "--kill-wait")


def test_what_takes_effect_at_a_start_is_told_and_waits_for_it(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "port = 4001\n")
    heard.write("port = 4002\n")
    assert heard.told == ["port will be 4002 after a restart (was 4001; superlearner.toml, line 1)"]
    assert heard.configuration.current.port == 4001
    assert heard.configuration.after_restart()["port"].value == 4002
    heard.write("port = 4001\n")
    assert heard.configuration.after_restart() == {}


def test_what_is_set_over_the_api_wins_until_it_is_reset(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "kill_wait = 3.0\n")
    configuration = heard.configuration
    configuration.make(configuration.plan_set({"kill_wait": 1.0}, "the API (owner)"))
    heard.write("kill_wait = 4.0\n")
    assert (configuration.current.kill_wait, configuration.given("kill_wait").source) == (1.0, "api")
    configuration.make(configuration.plan_reset(["kill_wait"]))
    assert heard.told == [
        "kill_wait is 1.0 (was 3.0; the API (owner))",
        "kill_wait is 4.0 (was 1.0; superlearner.toml, line 1)",
    ]


def test_of_several_values_one_that_is_wrong_stops_all(tmp_path: Path) -> None:
    configuration = Heard(tmp_path).configuration
    with pytest.raises(SettingsError, match=r"^the API: kill_wait: expected greater than 0, got 0$"):
        configuration.plan_set({"scan_interval": 1.0, "kill_wait": 0}, "the API")
    assert configuration.current == Settings()


def test_a_listener_that_raises_keeps_nobody_else_from_hearing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = Configuration.of(Settings())
    heard: list[Any] = []

    def broken(_: Any) -> None:
        raise RuntimeError("mine")

    configuration.listen(broken)
    configuration.listen(heard.extend)
    configuration.make(configuration.plan_set({"kill_wait": 1.0}, "the API"))
    assert len(heard) == 1
    assert "this is a bug" in caplog.text
