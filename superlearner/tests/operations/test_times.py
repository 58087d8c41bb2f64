"""Times as parameters: every operation that takes one accepts the same texts, over every interface."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import typer
from hypothesis import example, given, settings
from hypothesis.strategies import from_regex

from superlearner.base.typed_time import FORM, LAST, read_time
from superlearner.cli.values import value_of
from superlearner.operations.adapters.cli import entry_of
from superlearner.operations.declaration import Operation
from superlearner.operations.engine.examples import example_of
from superlearner.operations.engine.execution import checked
from superlearner.operations.engine.registry import all_operations
from superlearner.operations.failures import OperationError

NOW = datetime(2026, 11, 27, 18, 30).timestamp()
TIMES = [
    (one, parameter.name)
    for one in all_operations()
    for parameter in one.parameters
    if parameter.name in ("since", "until") or "1970" in parameter.description
]


@pytest.mark.parametrize(
    ("typed", "ago"),
    [
        ("18:14", 960), ("18:14:30", 930), ("18:31", 86_400 - 60), ("30 min ago", 1800), ("30m", 1800), ("1h", 3600),
        ("1 hour ago", 3600), ("1h 30m", 5400), ("90s", 90), ("2 days ago", 172_800), ("now", 0),
        ("2026-11-27", 66_600), ("2026-11-27 18:14", 960), ("2026-11-27T18:14:30", 930), (str(NOW - 5), 5),
        (NOW - 5, 5), (" 18:14 ", 960),
    ],
)  # fmt: skip
def test_a_time_is_read_as_people_type_it(typed: str | float, ago: float) -> None:
    assert read_time(typed, NOW) == NOW - ago
    assert not isinstance(typed, str) or re.search(FORM, typed.strip())


def test_a_number_is_read_as_programs_write_it() -> None:
    assert [read_time(str(one)) for one in (6e-08, 0.0, 1e9)] == [6e-08, 0.0, 1e9]


@settings(max_examples=500, deadline=None)
@given(from_regex(FORM))
@example("2024-02-29T23:59+13:59")
@example("999 weeks 999 weeks ago")
@example("99999999999.999999")
def test_each_text_that_the_schema_allows_is_a_time(typed: str) -> None:
    assert 0 <= read_time(typed) <= LAST


@pytest.mark.parametrize(
    "typed", ["", "2026-02-29", "2026-04-31", "24:00", "18:60", "1 year ago", "1100-01-01", "1e99", "-5"]
)
def test_a_text_that_is_no_time_is_refused_by_the_schema_too(typed: str) -> None:
    assert re.search(FORM, typed) is None
    with pytest.raises(ValueError, match="expected a time such as 18:14"):
        read_time(typed)


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Change the time zone of this program."""

    def to(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield to
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("now", "typed", "expected"),
    [
        ("05:45", "01:30", "05:30"),
        ("06:45", "01:30", "06:30"),
        ("06:45", "01:50", "05:50"),
        ("08:00", "01:30", "06:30"),
    ],
)
def test_in_the_hour_that_comes_twice_a_time_of_day_is_the_last_one(
    move: Callable[[str], None], now: str, typed: str, expected: str
) -> None:
    move("America/New_York")  # at 06:00 UTC, clocks are set back from 02:00 to 01:00

    def utc(text: str) -> float:
        return datetime.strptime(f"2026-11-01 {text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()

    assert read_time(typed, utc(now)) == utc(expected)


def test_a_time_at_the_command_line_is_in_the_zone_of_the_terminal(move: Callable[[str], None]) -> None:
    since = {"name": "since", "kind": "text", "format": "unix-time", "place": "query"}
    move("Asia/Tokyo")
    assert value_of(since, "2026-11-27 18:14") == datetime(2026, 11, 27, 9, 14, tzinfo=UTC).timestamp()
    with pytest.raises(typer.BadParameter, match=r"expected a time such as 18:14.*, got soon"):
        value_of(since, "soon")


@pytest.mark.parametrize(
    "typed", ["", "soon", "25:00", "18:61", "30 parsecs ago", "-5", "1e400", "nan", "9" * 40, "99999999d", True, None]
)
def test_anything_else_is_refused_with_examples(typed: object) -> None:
    with pytest.raises(ValueError, match=re.escape('18:14, 18:14:30, "30 min ago", 30m')):
        read_time(typed, NOW)


@pytest.mark.parametrize(("one", "name"), TIMES, ids=[f"{one.name}-{name}" for one, name in TIMES])
def test_every_operation_with_a_time_takes_it_as_text_and_as_seconds(one: Operation, name: str) -> None:
    others = {key: value for key, value in example_of(one).items() if key != name}
    assert checked(one, {**others, name: 1_700_000_000})[name] == 1_700_000_000
    assert checked(one, {**others, name: "1700000000.5"})[name] == 1_700_000_000.5
    earliest = time.time() - 1800
    assert earliest <= checked(one, {**others, name: "30 min ago"})[name] <= time.time() - 1800
    assert checked(one, {**others, name: "2026-11-27T18:14:30"})[name] == datetime(2026, 11, 27, 18, 14, 30).timestamp()
    with pytest.raises(OperationError, match='expected a time such as 18:14, 18:14:30, "30 min ago", 30m'):
        checked(one, {**others, name: "soon"})
    described = next(each for each in entry_of(one)["parameters"] if each["name"] == name)
    assert (described["kind"], described["format"]) == ("text", "unix-time")
    assert "`18:14`, `30 min ago`" in described["help"]
    assert described["help"] == one.schema()["properties"][name]["description"]


def test_over_http_a_time_may_be_text_too(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        for one, name in TIMES:
            if one.path not in ("/restarts", "/log"):
                continue
            for typed in ("18:14", "30 min ago", "1h", "1700000000"):
                answer = await platform.client.get(f"/api/v1{one.path}", params={name: typed})
                assert answer.status_code == 200, (one.name, typed, answer.text)
            answer = await platform.client.get(f"/api/v1{one.path}", params={name: "soon"})
            (detail,) = answer.json()["error"]["details"]
            assert (answer.status_code, detail["field"].rpartition(".")[2]) == (422, name)
            assert detail["problem"].startswith("expected a time such as 18:14")

    inside(test)
