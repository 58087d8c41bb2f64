"""Times as parameters: every operation that takes one reads the same texts, through every interface."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from superlearner.base.typed_time import read_time
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


@pytest.mark.parametrize(
    "typed", ["", "soon", "25:00", "18:61", "30 parsecs ago", "-5", "1e400", "nan", "9" * 40, "99999999d", True, None]
)
def test_what_is_no_time_is_refused_with_examples(typed: object) -> None:
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


def test_over_http_a_time_is_a_text_too(inside: Callable[..., Any]) -> None:
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
