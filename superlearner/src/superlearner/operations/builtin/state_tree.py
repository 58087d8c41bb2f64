"""States as trees of terms, read part by part, and as editable JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import MemberDescriptorType
from typing import Annotated, Any, cast

from pydantic import Field

import otp
from otp import observer
from otp.redaction import hides, is_secret
from superlearner.control.exact import NotExact, exact_json
from superlearner.control.look import state_note
from superlearner.control.names import display_name
from superlearner.control.terms import clip, plain_pid, safe_text, text_of
from superlearner.control.tree import supervisor_state, what_of
from superlearner.operations.builtin.processes import NOT_THERE
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PidText
from superlearner.operations.results.state_tree import LeftOut, StateForm, StateTree, TermNode
from superlearner.operations.targets import process_of

MOST_KEYS = 500


@operation(
    "state.unfold",
    http=("GET", "/processes/{pid}/state/tree"),
    scope="read",
    errors=(*NOT_THERE, "place_not_found"),
)
async def unfold(
    ctx: Context,
    pid: PidText,
    path: Annotated[
        str,
        Field(
            pattern=r"^([0-9]{1,9}(\.[0-9]{1,9}){0,49})?$",
            description="positions of members, from the root",
            examples=["2.0"],
        ),
    ] = "",
    start: Annotated[int, Field(ge=0, le=1_000_000_000, description="position of the first member")] = 0,
    items: Annotated[int, Field(ge=1, le=500, description="the most members of each value")] = 100,
    depth: Annotated[int, Field(ge=0, le=4, description="the most levels")] = 2,
    length: Annotated[int, Field(ge=1, le=100_000, description="the most characters of a text")] = 200,
    form: Annotated[bool, Field(description="add the state as editable JSON")] = False,
    redact: Annotated[bool, Field(description="redact secrets; false needs the scope `code`")] = True,
) -> StateTree:
    """Show the state of a process as a tree of terms.

    Each value has its type and a bounded text; `path` selects a part. No message is sent, and no user code runs except
    the server's `format_status`.
    """
    ctx.check_secrets(redact=redact)
    found = process_of(ctx, pid)
    details = observer.process(ctx.node, found, messages=0, length=1, exits=0, related=0)
    if details is None:
        raise OperationError("process_not_found", f"{clip(pid, 200)} has just ended")
    steps = [int(step) for step in path.split(".")] if path else []
    state = observer.seen_state(ctx.node, found)
    term = None
    if state is not None:
        term = observer.unfold(
            state.value, steps, start=start, items=items, depth=depth, length=length,
            redact=is_secret if redact else None,
        )  # fmt: skip
        if term is None:
            raise OperationError(
                "place_not_found", f"the state no longer has a value at {path}", hint="read the state again"
            )
    return StateTree(
        pid=plain_pid(found),
        name=display_name(found),
        what=what_of(found),
        status=details.status,
        path=steps,
        term=None if term is None else _node(term),
        sensitive=state is None and details.state is not None,
        state_note=state_note(ctx.node, details),
        form=_form(found, state) if form else None,
        redacted=redact,
    )


def _node(term: observer.Term) -> TermNode:
    return TermNode(
        label=clip(term.label, 200),
        type=clip(term.type, 200),
        text=safe_text(term.text),
        size=term.size,
        start=term.start,
        members=[_node(one) for one in term.members],
        hidden=term.hidden,
        cut=term.cut,
    )


def _form(pid: otp.Pid, state: observer.State | None) -> StateForm:
    if state is None:
        return _none("its state is not available")
    if supervisor_state(pid) is not None:
        return _none("the state of a supervisor is its children")
    parts = _parts(state.value)
    if parts is not None:
        return _form_of_parts(list(parts))
    if not state.exact:
        return _none("its `format_status` does not show the actual state")
    try:
        value, tuples = exact_json(state.value)
    except NotExact as error:
        return _none(str(error))
    return StateForm(how="set", value=value, left_out=[], tuples=[""] if tuples else [])


def _form_of_parts(parts: list[tuple[Any, Any]]) -> StateForm:
    value: dict[str, Any] = {}
    left_out: list[LeftOut] = []
    tuples: list[str] = []
    for key, part in parts[:MOST_KEYS]:
        if type(key) is not str:
            left_out.append(LeftOut(key=text_of(key, 80), why="its key is not a string"))
            continue
        shown = clip(key, 200)
        if hides(is_secret, key, part):
            left_out.append(LeftOut(key=shown, why="a redacted secret"))
            continue
        try:
            value[safe_text(key)], with_tuples = exact_json(part)
        except NotExact as error:
            left_out.append(LeftOut(key=shown, why=str(error)))
            continue
        if with_tuples:
            tuples.append(shown)
    if len(parts) > MOST_KEYS:
        left_out.append(LeftOut(key="…", why=f"{len(parts) - MOST_KEYS} more keys"))
    if not value and left_out:
        return StateForm(how="none", value=None, left_out=left_out, tuples=[])
    return StateForm(how="update", value=value, left_out=left_out, tuples=tuples)


def _parts(state: Any) -> Iterator[tuple[Any, Any]] | None:
    """Return the parts that `state.update` can change: keys of a dict, fields of a dataclass or named tuple."""
    kind = cast("Any", type(state))
    if kind is dict:
        return iter(cast("dict[Any, Any]", state).items())
    names = _attributes(kind).get("_fields")
    if isinstance(names, tuple):
        members: Iterator[Any] = cast("Any", tuple).__iter__(state)
        return zip(cast("tuple[Any, ...]", names), members, strict=False)
    if dataclasses.is_dataclass(kind):
        return ((one.name, _stored(state, one.name)) for one in dataclasses.fields(kind))
    return None


def _stored(value: Any, name: str) -> Any:
    """Return an attribute without running a property or `__getattr__`."""
    for base in type.__dict__["__mro__"].__get__(type(value)):
        slot = _attributes(base).get(name)
        if type(slot) is MemberDescriptorType:
            return slot.__get__(value)
    return object.__getattribute__(value, "__dict__").get(name)


def _attributes(kind: type) -> Any:
    return type.__dict__["__dict__"].__get__(kind)


def _none(why: str) -> StateForm:
    return StateForm(how="none", value=None, left_out=[LeftOut(key="", why=why)], tuples=[])
