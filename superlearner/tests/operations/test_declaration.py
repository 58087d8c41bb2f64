"""Declarations of operations, and what they must not contain."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field

from superlearner.operations.context import Context
from superlearner.operations.declaration import DeclarationError, Operation, Paged, Picker, declared, operation
from superlearner.operations.engine.registry import all_operations
from superlearner.operations.parameters import PageNumber, PerPage


def of(function: Any) -> Operation:
    found = declared(function)
    assert found is not None
    return found


@operation("thing.paint", http=("POST", "/things/{thing}/paint"), scope="operate", changes=True, errors=("conflict",))
async def paint(
    ctx: Context,
    thing: Annotated[str, Picker("process")],
    colour: Annotated[str, Field(pattern="^[a-z]+$", description="a word")],
    coats: int = 1,
) -> bool:
    """Paint an object.

    It has to dry afterwards.
    """
    ctx.about_to(f"paint {thing} {colour}", [thing])
    return coats > 0


def test_texts_parameters_and_result_come_from_the_function() -> None:
    found = of(paint)
    assert (found.name, found.category, found.scope, found.method) == ("thing.paint", "thing", "operate", "POST")
    assert (found.summary, found.description) == ("Paint an object", "It has to dry afterwards.")
    assert [(one.name, one.place, one.required) for one in found.parameters] == [
        ("thing", "path", True), ("colour", "body", True), ("coats", "body", False),
    ]  # fmt: skip
    assert found.parameters[1].description == "a word"
    assert found.result is bool


@pytest.mark.parametrize("one", [one for one in all_operations() if one.changes], ids=lambda one: one.name)
def test_the_result_of_a_change_says_what_was_done(one: Operation) -> None:
    """Regression: `node detach`, `cluster forget` and `token revoke` answered only with the name they were given."""
    assert {"name"} != {name for name, field in one.result.model_fields.items() if field.is_required()}


def test_the_schema_of_all_parameters_has_the_choices_of_a_form() -> None:
    schema = of(paint).schema()
    assert schema["required"] == ["thing", "colour"]
    assert schema["properties"]["thing"]["x-picker"] == "process"
    assert schema["properties"]["colour"]["pattern"] == "^[a-z]+$"
    assert schema["additionalProperties"] is False


def test_a_get_has_its_parameters_in_the_query_and_a_page_of_results() -> None:
    @operation("thing.list", http=("GET", "/things"), scope="read")
    async def things(ctx: Context, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[str]:
        """List things."""
        return Paged(["a"], 1, page, per_page)

    found = of(things)
    assert {one.place for one in found.parameters} == {"query"}
    assert (found.paged, found.result) == (True, list[str])


async def good(ctx: Context) -> str:
    """Do it."""
    return "done"


async def wordless(ctx: Context) -> str:
    return "done"


def waits_not(ctx: Context) -> str:
    """Do it."""
    return "done"


@pytest.mark.parametrize(
    ("function", "changed", "text"),
    [
        (good, {"name": "Paint"}, "a name such as process.kill"),
        (good, {"http": ("FETCH", "/x")}, 'http=("GET", "/path")'),
        (good, {"http": ("GET", "x")}, 'http=("GET", "/path")'),
        (good, {"scope": "everything"}, "a scope of read, operate, code"),
        (good, {"http": ("POST", "/x")}, "GET for an operation that changes nothing"),
        (good, {"changes": True}, "GET for an operation that changes nothing"),
        (good, {"errors": ("oops",)}, "codes of superlearner.operations.failures"),
        (good, {"http": ("GET", "/x/{thing}")}, "a parameter for each part of the path"),
        (wordless, {}, "a docstring"),
        (waits_not, {}, "an async def"),
    ],
)
def test_the_error_for_an_invalid_declaration_says_what_was_expected(
    function: Any, changed: dict[str, Any], text: str
) -> None:
    given: dict[str, Any] = {"name": "thing.do", "http": ("GET", "/x"), "scope": "read"} | changed
    with pytest.raises(DeclarationError) as refused:
        operation(given.pop("name"), **given)(function)
    assert f"expected {text}" in str(refused.value)
    assert __name__ in str(refused.value)
