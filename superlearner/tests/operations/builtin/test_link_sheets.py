"""Sheets of sign-in links for a list of names."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from asked_users import HERE, OWNER, USERS, Run, add, code, names, sign_in, with_open_store


@pytest.fixture
def inside(inside: Run) -> Run:
    return with_open_store(inside)


@pytest.mark.operation("user.links")
def test_a_list_of_names_becomes_a_sheet_of_links(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "tina", "teacher")
        await add(platform, "ben")
        tina = await sign_in(platform, "tina") | HERE
        given = {"names": "Jörg Müller\n\n ben \n"}
        answer = await platform.client.post(f"{USERS}/links", json=given, headers=tina)
        assert answer.status_code == 200, answer.text
        made = answer.json()["data"]["links"]
        assert [(one["given"], one["user"], one["added"]) for one in made] == [
            ("Jörg Müller", "Jorg.Muller", True), ("ben", "ben", False),
        ]  # fmt: skip
        for one in made:
            signed_in = await platform.client.post(httpx.URL(one["url"]).path, headers=HERE)
            assert signed_in.status_code == 303
            platform.client.cookies.clear()

    inside(test, data_dir=tmp_path)


CLASS = """No,Name,E-mail,Class
1,"Müller, Jörg",jorg@school.org,7b
2,Ada Lovelace,ada@school.org,7b

3,Søren Weiß,,7b
"""


@pytest.mark.operation("user.links")
def test_a_table_with_headings_and_addresses_becomes_a_sheet(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        for given in (CLASS, CLASS.replace(",", "\t").replace("Müller\t ", "Müller, ")):
            answer = await platform.client.post(f"{USERS}/links", json={"names": given}, headers=OWNER)
            assert answer.status_code == 200, answer.text
            assert [(one["given"], one["user"]) for one in answer.json()["data"]["links"]] == [
                ("Jörg Müller", "Jorg.Muller"), ("Ada Lovelace", "Ada.Lovelace"), ("Søren Weiß", "Soren.Weiss"),
            ]  # fmt: skip

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.links")
def test_all_lines_that_do_not_fit_are_named_at_once(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        given = {"names": "...\n\nowner\nann, bob"}
        error = (await platform.client.post(f"{USERS}/links", json=given, headers=OWNER)).json()["error"]
        assert error["message"] == (
            "names: line 1: '...' has no letter or digit; line 3: 'owner' is reserved; "
            "line 4: 'ann, bob' may be one learner or several"
        )
        assert "the first name first" in error["details"][0]["hint"]

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.links")
@pytest.mark.parametrize(
    ("name", "hint"), [("owner", "choose another name"), ("a, b", "write each name on a line of its own")]
)
def test_the_advice_about_a_name_fits_what_is_wrong_with_it(inside: Run, tmp_path: Path, name: str, hint: str) -> None:
    """Regression: *owner* was to be written in Latin letters."""

    async def test(platform: Any) -> None:
        answer = await platform.client.post(f"{USERS}/links", json={"names": name}, headers=OWNER)
        assert 422 == answer.status_code
        assert answer.json()["error"]["details"][0]["hint"].startswith(hint)

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.links")
def test_two_sheets_with_the_same_names_at_once_add_each_learner_once(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        given = {"names": "\n".join(f"learner{number}" for number in range(10))}
        requests = (platform.client.post(f"{USERS}/links", json=given, headers=OWNER) for _ in range(3))
        answers = await asyncio.gather(*requests)
        assert [200] * 3 == [answer.status_code for answer in answers], [answer.text for answer in answers]
        sheets = [answer.json()["data"]["links"] for answer in answers]
        for lines in zip(*sheets, strict=True):
            assert [False, False, True] == sorted(one["added"] for one in lines)
            assert len({one["url"] for one in lines}) == 3

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("user.links")
@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("...", (422, "validation_error")),
        ("Owner", (422, "validation_error")),
        ("Name\nLee, Ann", (422, "validation_error")),
        ("\n", (422, "validation_error")),
        ("ada\ntina", (403, "missing_scope")),
    ],
)
def test_a_name_that_cannot_be_used_adds_nobody(
    inside: Run, tmp_path: Path, given: str, error: tuple[int, str]
) -> None:
    async def test(platform: Any) -> None:
        await add(platform, "tina", "teacher")
        tina = await sign_in(platform, "tina") | HERE
        answer = await platform.client.post(f"{USERS}/links", json={"names": given}, headers=tina)
        assert code(answer) == error
        assert await names(platform) == ["owner", "tina"]

    inside(test, data_dir=tmp_path)
