"""Names of a class on one line: several learners, or a question."""

from __future__ import annotations

import time
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
        ('"Lee, Ann"', ["Ann Lee"]),
        ("Surname,First name\nLee,Ann", ["Ann Lee"]),
        ("Name;Vorname;Klasse\nMüller;Jörg;7b", ["Jörg Müller"]),
        ("First name,Surname\nAnn,Lee", ["Ann Lee"]),
        ("Lovelace, Ada\nMüller, Jörg\n\nvan Dam, Eve", ["Ada Lovelace", "Jörg Müller", "Eve van Dam"]),
        ("Lovelace; Ada\nGarcía López; Ana María", ["Ada Lovelace", "Ana María García López"]),
        ("Lovelace, Ada\nMadonna\nMüller, Jörg", ["Ada Lovelace", "Madonna", "Jörg Müller"]),
        ("王, 小明\n김, 민준", ["王小明", "김민준"]),
        ("Ann Lee, Bob Ray\nEve van Dam, Tom Fox", ["Ann Lee", "Bob Ray", "Eve van Dam", "Tom Fox"]),
    ],
)
def test_full_names_with_commas_between_them_are_several_learners(line: str, names: list[str]) -> None:
    """Regression: they became one learner, without a word."""
    assert [(name, "") for name in names] == [(one.name, one.unclear) for one in read_class(line)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1. Rossi, Maria\n2. Keller, Lena", ["Maria Rossi", "Lena Keller"]),
        (
            "1) Maria Rossi\n(2) Lena Keller\n3 Claire Dubois\n4.Ann Lee",
            ["Maria Rossi", "Lena Keller", "Claire Dubois", "Ann Lee"],
        ),
        ("1.\tRossi, Maria\n•\tKeller, Lena", ["Maria Rossi", "Lena Keller"]),
        ("1.\tRossi\tMaria", ["Rossi Maria"]),
        ("- Keller, Lena\n* Rossi, Maria\n– Lee, Ann\n•Fox, Tom", ["Lena Keller", "Maria Rossi", "Ann Lee", "Tom Fox"]),
        ("- [ ] Lena Keller\n- [x] 2. Maria Rossi\n☐ Tom Fox", ["Lena Keller", "Maria Rossi", "Tom Fox"]),
        ("Dubois, Claire (10b)\nLee, Ann (10b, French)", ["Claire Dubois", "Ann Lee"]),
        ("Claire Dubois (10b); Ann Lee [10a]", ["Claire Dubois", "Ann Lee"]),
        ('1. "Rossi, Maria" (10b)\n"2. Lee, Ann (10b)"', ["Maria Rossi", "Ann Lee"]),
        ("No\tSurname\tFirst name\n1\tRossi\tMaria\n2.\tLee\tAnn (10b)", ["Maria Rossi", "Ann Lee"]),
        ("Pupil 1\nPupil 2\nAnn (Annie) Lee\n7\n(10b)", ["Pupil 1", "Pupil 2", "Ann (Annie) Lee", "7", "(10b)"]),
    ],
)
def test_numbers_bullets_and_groups_around_names_are_left_out(text: str, names: list[str]) -> None:
    """Regression: `- Keller, Lena` became the learner `Lena - Keller`."""
    assert [(name, "") for name in names] == [(one.name, one.unclear) for one in read_class(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Surname;First name\n王;小明",
        "Vorname,Name\n小明,王",
        "Surname\tName\n王\t小明",
        "王\t小明",
        "1. 王, 小明\n2. 김, 민준",
        "Lovelace, Ada\n王，小明",
    ],
)
def test_names_in_east_asian_letters_have_the_surname_first_without_a_space(text: str) -> None:
    """Regression: in a table, 王 and 小明 became `小明 王`."""
    assert "王小明" in [one.name for one in read_class(text)]


def test_a_column_of_names_beside_one_of_surnames_has_first_names() -> None:
    """Regression: it became `Lee Ann`."""
    assert [(2, "Ann Lee", "")] == read_class("Surname,Name\nLee,Ann")


@pytest.mark.parametrize("line", ["Lee, Ann", "Lee,Ann Marie", "ann, bob, eve"])
def test_one_learner_or_several_is_asked(line: str) -> None:
    assert [(1, line, "may be one learner or several")] == read_class(line)


@pytest.mark.parametrize("single", ["Madonna, Kim Roe", "Kim Roe, Madonna"])
@pytest.mark.parametrize("others", [["Ann Lee, Bob Ray"], ["Ann Lee, Bob Ray", "Eve van Dam, Tom Fox"]])
def test_one_single_word_turns_no_full_names_round(single: str, others: list[str]) -> None:
    """Regression: `Ann Lee, Bob Ray` became one learner, `Bob Ray Ann Lee`, for one word in another line."""
    names = [(name, "") for line in others for name in line.split(", ")]
    asked = (single, "may be one learner or several")
    assert [*names, asked] == [(one.name, one.unclear) for one in read_class("\n".join([*others, single]))]


def test_a_majority_of_surnames_turns_the_others_too() -> None:
    text = "Lovelace, Ada\nGarcía López, Ana María\nvan Dam, Eve"
    assert ["Ada Lovelace", "Ana María García López", "Eve van Dam"] == [one.name for one in read_class(text)]


def test_more_columns_than_headings_are_no_name() -> None:
    """Regression: the first names were lost without a word, and two learners became `Muller` and `Smith`."""
    why = "has 2 columns, and the table has 1 heading"
    assert [(2, "Müller, Jürgen", why), (3, "Ada Lovelace", "")] == read_class("Name\nMüller, Jürgen\nAda Lovelace,\n")


@pytest.mark.operation("user.links")
def test_a_line_that_is_unclear_is_left_out_with_the_reason(inside: Any, tmp_path: Path) -> None:
    """Regression: one bad line stopped the links for thirty learners."""

    async def test(platform: Any) -> None:
        await platform.platform.store.sync()
        answer = await platform.client.post(LINKS, json={"names": "Eve Dam\nLee, Ann\neve dam"}, headers=OWNER)
        sheet = answer.json()["data"]
        assert ["Eve.Dam"] == [one["user"] for one in sheet["links"]]
        assert sheet["left_out"] == [
            {"line": 2, "name": "Lee, Ann", "why": "may be one learner or several"},
            {"line": 3, "name": "eve dam",
             "why": "is the same user as line 1, eve.dam; add a letter or a number to one of them"},
        ]  # fmt: skip
        answer = await platform.client.post(LINKS, json={"names": "Lee, Ann"}, headers=OWNER)
        error = answer.json()["error"]
        assert error["message"] == "names: line 1: 'Lee, Ann' may be one learner or several"
        assert "such as `Surname, First name`" in error["details"][0]["hint"]
        users = (await platform.client.get("/api/v1/users", headers=OWNER)).json()["data"]
        assert {"owner", "Eve.Dam"} == {one["name"] for one in users}

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.links")
def test_a_dry_run_lists_the_learners(inside: Any, tmp_path: Path) -> None:
    """Regression: it said only how many, so that lost first names were seen after the links were made."""

    async def test(platform: Any) -> None:
        await platform.platform.store.sync()
        given = {"names": "Lovelace, Ada\nben, ben\n"}
        answer = await platform.client.post(f"{LINKS}?dry_run=true", json=given, headers=OWNER)
        assert answer.json()["data"]["affects"] == ["Ada Lovelace (Ada.Lovelace)", "ben ben (ben.ben)"]
        given = {"names": "Ann Lee\n---"}
        answer = await platform.client.post(f"{LINKS}?dry_run=true", json=given, headers=OWNER)
        assert answer.json()["data"]["would"].endswith("who are new; left out: line 2: '---' has no letter or digit")
        given = {"names": "1. Ann Lee\n3. 123\n4 56\n1001"}  # a number alone may be a pseudonym
        planned = (await platform.client.post(f"{LINKS}?dry_run=true", json=given, headers=OWNER)).json()["data"]
        assert planned["affects"] == ["Ann Lee (Ann.Lee)", "1001"]
        left_out = "left out: line 2: '3. 123' has numbers but no name; line 3: '4 56' has numbers but no name"
        assert planned["would"].endswith(left_out)

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.links")
def test_a_name_without_latin_letters_gets_a_user_of_its_own(inside: Any, tmp_path: Path) -> None:
    """Regression: it was refused, and with it the whole list."""

    async def test(platform: Any) -> None:
        await platform.platform.store.sync()
        made = [
            (await platform.client.post(LINKS, json={"names": "李小龙\nОльга"}, headers=OWNER)).json()["data"]["links"]
            for _ in range(2)
        ]
        assert [["李小龙", "Ольга"]] * 2 == [[one["given"] for one in links] for links in made]
        users = [[one["user"] for one in links] for links in made]
        assert users[0] == users[1] and len(set(users[0])) == 2
        assert all(name.startswith("learner.") for name in users[0])
        listed = (await platform.client.get("/api/v1/users", headers=OWNER)).json()["data"]
        assert {"李小龙", "Ольга"} <= {one["shown"] for one in listed}
        assert [[True, True], [False, False]] == [[one["added"] for one in links] for links in made]

    inside(test, data_dir=tmp_path)


def test_a_long_line_of_bullets_is_read_at_once() -> None:
    """Regression: the time grew with the square of its length, and the names of a class hold the loop."""
    line = "-" * 20_000 + "1"
    begun = time.process_time()
    assert [line] == [one.name for one in read_class(line)]
    assert time.process_time() - begun < 1
