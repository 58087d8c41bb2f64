"""Names of a class on one line: several learners, or a question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from superlearner.operations.rights.class_list import read_class

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
LINKS = "/api/v1/users/links"


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Ann Lee, Bob Ray", ["Ann Lee", "Bob Ray"]),
        ("Ann Lee,Bob Ray,", ["Ann Lee", "Bob Ray"]),
        ("Ann Lee; Bob Ray; Eve van Dam", ["Ann Lee", "Bob Ray", "Eve van Dam"]),
        ("Ann Lee <ann@school.org>, Bob Ray <bob@school.org>", ["Ann Lee", "Bob Ray"]),
        ("1,Ann,Lee,ann@school.org", ["Ann Lee"]),
        ("Ann\tLee", ["Ann Lee"]),
        ('"Lee, Ann"', ["Lee, Ann"]),
        ("Surname,First name\nLee,Ann", ["Lee Ann"]),
    ],
)
def test_full_names_with_commas_between_them_are_several_learners(line: str, names: list[str]) -> None:
    """Regression: they became one learner, without a word."""
    assert [(name, False) for name in names] == [(one.name, one.unclear) for one in read_class(line)]


@pytest.mark.parametrize("line", ["Lee, Ann", "Lee,Ann Marie", "ann, bob, eve"])
def test_one_learner_or_several_is_asked(line: str) -> None:
    assert [(1, line, True)] == read_class(line)


@pytest.mark.operation("user.links")
def test_a_line_that_is_unclear_adds_nobody(inside: Any, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await platform.platform.store.sync()
        answer = await platform.client.post(LINKS, json={"names": "Eve Dam\nLee, Ann"}, headers=OWNER)
        error = answer.json()["error"]
        assert error["message"] == "names: line 2: 'Lee, Ann' may be one learner or several"
        assert "the first name first" in error["details"][0]["hint"]
        answer = await platform.client.post(LINKS, json={"names": "Ann Lee, Bob Ray"}, headers=OWNER)
        assert ["Ann.Lee", "Bob.Ray"] == [one["user"] for one in answer.json()["data"]["links"]]
        users = (await platform.client.get("/api/v1/users", headers=OWNER)).json()["data"]
        assert {"owner", "Ann.Lee", "Bob.Ray"} == {one["name"] for one in users}

    inside(test, data_dir=tmp_path)
