"""A platform whose session 12 has every kind of block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lesson_page import OWNER
from superlearner.course.course import FOLDER, Course

LESSONS = Path(__file__).parent / "lessons"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course whose session 12 has every kind of block."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("checks", "solutions", "wrong"):
        (folder / name).symlink_to(FOLDER / name)
    (folder / "lessons").symlink_to(LESSONS)
    return Course(folder)


@pytest.fixture
def served(stored_platform: Any, course: Course) -> Iterator[Any]:
    """A platform with that course, in which nothing was done yet."""
    before, stored_platform.platform.course = stored_platform.platform.course, course
    yield stored_platform
    stored_platform.platform.course = before
    for user in ("owner", "anonymous"):
        stored_platform.do(lambda user=user: stored_platform.platform.store.learning.forget(user))


@pytest.fixture
def lesson(open_page: Callable[..., Page], served: Any) -> Callable[..., Page]:
    """Opens the session: ``lesson()`` signed in, ``lesson(signed_in=False)``."""

    def open_one(*, signed_in: bool = True, **more: Any) -> Page:
        # Whoever signs in later changes the headers of the context, so it is of no use to another test
        who: dict[str, Any] = {"extra_http_headers": OWNER} if signed_in else {"fresh": True}
        page = open_page(f"{served.url}/learn/12", ready=False, **who, **more)
        expect(page.get_by_role("heading", name="Why OTP", exact=True)).to_be_attached()
        return page

    return open_one
