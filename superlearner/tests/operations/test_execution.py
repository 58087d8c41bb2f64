"""Common behaviour of operations: scope, parameters, dry run, audit, telemetry."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Annotated, Any, cast

import pytest
from pydantic import AfterValidator, BaseModel, Field

import otp
from superlearner.base.telemetry import Telemetry
from superlearner.nodes.nodes import Nodes
from superlearner.nodes.remote import NodeSilent, RemoteNode
from superlearner.operations.context import Context
from superlearner.operations.declaration import Operation, Paged, declared, operation
from superlearner.operations.engine import audit, execution
from superlearner.operations.engine.audit import AuditLog, redact_parameters
from superlearner.operations.engine.execution import Answer, checked, execute
from superlearner.operations.engine.forwarding import convert_error
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.rights.users import ANONYMOUS, OWNER, User
from superlearner.settings.settings import Settings


class Painted(BaseModel):
    thing: str
    colour: str
    note: str | None = None


walls: dict[str, str] = {}


def _even(size: int) -> int:
    if size % 2:
        raise ValueError(f"expected an even number, got {size}")
    return size


@operation("wall.frame", http=("GET", "/walls/frame"), scope="read")
async def frame(ctx: Context, size: Annotated[int, AfterValidator(_even)]) -> Painted:
    """Frame a wall."""
    raise AssertionError(size)


@operation("wall.paint", http=("POST", "/walls/{wall}/paint"), scope="operate", changes=True, errors=("conflict",))
async def paint(ctx: Context, wall: str, colour: Annotated[str, Field(min_length=3)], password: str = "") -> Painted:
    """Paint a wall."""
    if colour == "transparent":
        raise OperationError("conflict", "nothing would be seen", hint="try green")
    ctx.about_to(f"paint {wall} {colour}", [wall])
    if colour == "explosive":
        raise ZeroDivisionError
    walls[wall] = colour
    return Painted(thing=wall, colour=colour)


@operation("wall.record", http=("POST", "/walls/record"), scope="operate", changes=True, here=True)
async def record(ctx: Context) -> str:
    """Record a node from here."""
    ctx.about_to("record", [])
    return "recording"


@operation("wall.list", http=("GET", "/walls"), scope="read")
async def listed(ctx: Context, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[Painted]:
    """List walls."""
    return Paged([Painted(thing="north", colour="red")], 11, page, per_page)


@operation("wall.sneak", http=("POST", "/walls/sneak"), scope="code", changes=True)
async def sneak(ctx: Context) -> str:
    """Change something without announcing it."""
    return "done"


@operation("wall.stand_still", http=("GET", "/walls/still"), scope="read")
async def stand_still(ctx: Context) -> str:
    """Wait for something that never happens."""
    await asyncio.Event().wait()
    return "done"


def of(function: Any) -> Operation:
    found = declared(function)
    assert found is not None
    return found


class Stage:
    """The parts of a platform that the execution of operations needs."""

    def __init__(self) -> None:
        walls.clear()
        self.audit, self.telemetry = AuditLog(), Telemetry()
        self.events: list[tuple[str, Any]] = []
        self.telemetry.attach(lambda event, _, metadata: self.events.append((event, metadata["outcome"])))

    def run(
        self, function: Any, user: User = OWNER, *, dry_run: bool = False, door: str = "test", **parameters: Any
    ) -> Answer:
        nodes, services = Nodes(otp.Node("here@127.0.0.1"), Settings), Services()
        if door == "page":
            remote = RemoteNode("far@127.0.0.1", cast("Any", SimpleNamespace()))
            setattr(nodes, "find", lambda _name: remote)
        services.provide(AuditLog, lambda: self.audit)
        services.provide(Telemetry, lambda: self.telemetry)
        context = Context(nodes, user, door, dry_run)
        return asyncio.run(execute(services, of(function), context, parameters))


def test_an_answer_is_json_without_unset_fields() -> None:
    assert Stage().run(paint, wall="north", colour="red") == Answer({"thing": "north", "colour": "red"})


def test_a_page_has_its_position() -> None:
    answer = Stage().run(listed, page=2, per_page=5)
    assert answer.meta == {"total": 11, "page": 2, "per_page": 5, "total_pages": 3}


def test_requests_without_the_scope_are_refused_and_audited() -> None:
    stage = Stage()
    with pytest.raises(OperationError) as refused:
        stage.run(sneak, ANONYMOUS)
    assert (refused.value.code, refused.value.status) == ("missing_scope", 403)
    assert [(one.user, one.outcome) for one in stage.audit.entries()] == [("anonymous", "missing_scope")]


def test_a_dry_run_describes_the_change_and_does_nothing() -> None:
    stage = Stage()
    answer = stage.run(paint, wall="north", colour="red", dry_run=True)
    assert answer.data == {"dry_run": True, "would": "paint north red", "affects": ["north"]}
    assert walls == {}
    assert stage.audit.entries() == []


def test_a_dry_run_fails_as_the_real_one_would() -> None:
    with pytest.raises(OperationError, match="nothing would be seen"):
        Stage().run(paint, wall="north", colour="transparent", dry_run=True)


def test_a_change_is_audited_with_redacted_secrets() -> None:
    stage = Stage()
    stage.run(paint, wall="north", colour="red", password="hunter2")
    (entry,) = stage.audit.entries()
    assert (entry.operation, entry.did, entry.outcome, entry.door) == ("wall.paint", "paint north red", "ok", "test")
    assert "hunter2" not in str(entry)
    assert entry.parameters["wall"] == "north"


@pytest.mark.parametrize(
    "parameters",
    [
        {"pid": "till", "message": ["password", "hunter2"]},
        {"pid": "till", "message": {"login": [{"cookie": "hunter2"}]}},
        {"pid": "till", "message": "token: hunter2"},
        {"name": "shop", "key": "db_password", "value": "hunter2"},
        {"name": "api-key", "value": {"for": ["all", "hunter2"]}},
    ],
    ids=["tagged", "nested", "text", "by key", "by name"],
)
def test_parameters_are_audited_without_values_whose_names_look_like_secrets(parameters: dict[str, Any]) -> None:
    """Regression: only keys of objects hid their values."""
    assert "hunter2" not in str(redact_parameters(parameters))
    assert redact_parameters({"name": "shop", "key": "colour", "value": ["red", 3]}) == {
        "name": "shop", "key": "colour", "value": ["red", 3],
    }  # fmt: skip


def test_repeated_refusals_do_not_fill_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: each refusal was a permanent row, even without a credential."""
    stage = Stage()
    now = [1_000_000.0]
    monkeypatch.setattr(audit.time, "time", lambda: now[0])

    def refuse(times: int, user: User = ANONYMOUS) -> None:
        for _ in range(times):
            with pytest.raises(OperationError):
                stage.run(sneak, user)

    refuse(200)
    rows = stage.audit.entries()
    assert len(rows) == 30 + 3
    assert [row.parameters["refused_in_this_minute"] for row in rows[30:]] == [32, 64, 128]
    refuse(1, User("bob", frozenset()))
    stage.run(paint, ANONYMOUS, wall="north", colour="red")
    now[0] += 60
    refuse(2)
    assert [(row.user, row.outcome) for row in stage.audit.entries()[33:]] == [
        ("bob", "missing_scope"), ("anonymous", "ok"), ("anonymous", "missing_scope"), ("anonymous", "missing_scope"),
    ]  # fmt: skip


def test_texts_of_custom_validators_are_unchanged() -> None:
    """Regression: pydantic's own `Value error, ` was in front of it."""
    with pytest.raises(OperationError, match=r"^size: expected an even number, got 3"):
        checked(of(frame), {"size": 3})


def test_a_parameter_that_is_named_as_a_type_keeps_its_name() -> None:
    """Regression: it was left out as the alternative of a type, and the problem was about `parameters`."""

    @operation("wall.hang", http=("GET", "/walls/hang"), scope="read")
    async def hang(ctx: Context, set: int | None = None, list: int | bool = 0) -> Painted:
        """Hang pictures."""
        raise AssertionError(set, list)

    with pytest.raises(OperationError) as refused:
        checked(of(hang), {"set": "x", "list": "y"})
    assert ["set", "list"] == [one.field for one in refused.value.details]


def test_a_read_is_counted_and_not_audited() -> None:
    stage = Stage()
    stage.run(listed, page=1, per_page=1)
    assert stage.audit.entries() == []
    assert stage.events == [("operation.stop", "ok")]


def test_a_failed_change_is_audited_with_its_code_and_a_bug_as_internal_error() -> None:
    stage = Stage()
    with pytest.raises(OperationError):
        stage.run(paint, wall="north", colour="transparent")
    with pytest.raises(ZeroDivisionError):
        stage.run(paint, wall="north", colour="explosive")
    assert [(one.did, one.outcome) for one in stage.audit.entries()] == [
        (None, "conflict"),
        ("paint north explosive", "internal_error"),
    ]
    assert [outcome for _, outcome in stage.events] == ["conflict", "internal_error"]


def test_a_change_that_is_not_announced_is_an_internal_error() -> None:
    with pytest.raises(RuntimeError, match=r"wall\.sneak changed something without ctx\.about_to"):
        Stage().run(sneak)


def test_an_operation_without_its_own_time_out_is_cancelled_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a restart of a paused supervisor waited for ever."""
    monkeypatch.setattr(execution, "LONGEST_S", 0.001)

    stage = Stage()
    with pytest.raises(OperationError, match=r"within 0\.001 s; the request may still complete$") as caught:
        stage.run(stand_still)
    assert "timeout" == caught.value.code


@pytest.mark.parametrize(
    ("is_held", "hint"),
    [
        (True, "the request may still complete"),
        (False, "a callback may be blocking its event loop; the request may still complete"),
    ],
)
def test_the_hint_about_a_silent_node_is_true_for_reads(is_held: bool, hint: str) -> None:
    """Regression: the state that was asked for "may still take effect"."""
    assert [one.hint for one in convert_error(NodeSilent("no answer", is_held=is_held)).details] == [hint]


def test_json_parameters_are_validated_with_a_hint_each() -> None:
    assert checked(of(paint), {"wall": "north", "colour": "red"}) == {"wall": "north", "colour": "red", "password": ""}
    with pytest.raises(OperationError) as refused:
        checked(of(paint), {"colour": "re", "size": 3})
    assert refused.value.status == 422
    assert [(one.field, one.hint) for one in refused.value.details] == [
        ("wall", "this parameter is required"), ("colour", "got 're'"), ("size", "leave it out"),
    ]  # fmt: skip


def test_an_undeclared_error_code_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="expected one of the codes"):
        OperationError("oops", "?")


def test_a_page_can_change_something_here_that_belongs_to_a_remote_node() -> None:
    """Regression: the change was made and the page got an internal error, as no local node could show it."""
    assert Stage().run(record, door="page").data == "recording"
