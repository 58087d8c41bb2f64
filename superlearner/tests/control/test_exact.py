"""Editable JSON contains no value that is redacted elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from superlearner.control.exact import NotExact, exact_json


@pytest.mark.parametrize(
    "value",
    [
        {"auth": ("password", "hunter2")},
        {"url": "postgres://ada:hunter2@db/shop"},
        ["log in with password=hunter2"],
        {"db": {"password": "hunter2"}},
    ],
)
def test_a_value_with_a_secret_cannot_be_edited(value: Any) -> None:
    with pytest.raises(NotExact, match="secret"):
        exact_json(value)


def test_a_pair_without_a_secret_can_be_edited() -> None:
    assert exact_json({"last": ("paid", 3)}) == ({"last": ["paid", 3]}, True)
