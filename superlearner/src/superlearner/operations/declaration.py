"""Declarations of operations: parameters and result come from the signature, the texts from the docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Annotated, Any, Final, Generic, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model, model_validator
from pydantic.fields import FieldInfo

from superlearner.base.docstrings import docstring_of
from superlearner.operations.context import Context
from superlearner.operations.failures import CODES
from superlearner.operations.rights.users import SCOPES, Scope

__all__ = ["Answer", "Body", "DeclarationError", "Download", "Operation", "Paged", "Parameter", "Part", "Picker",
           "Source", "Streamed", "THINGS", "declared", "operation"]  # fmt: skip

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Place = Literal["path", "query", "body"]
On = Literal["node", "platform"]
Of = Literal["node", "platform", "everyone", "user", "sandbox", "recording", "events"]
"""The owner of the result of an operation, which decides who may call it with only the scope `own`.

- `node`: the node, whose owner may;
- `platform`: the platform, so `own` is not enough;
- `everyone`: no one, every user may;
- `user`: the caller, who may: it creates something of theirs, or lists things and leaves out those that the caller does
  not see (`User.sees`);
- `sandbox`, `recording`: the thing that a parameter names (`THINGS`), whose owner may;
- `events`: the node; of the platform's own node only events about the caller.
"""

NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
IN_PATH: Final = re.compile(r"\{(\w+)(:path)?\}")
MARK: Final = "__superlearner_operation__"
THINGS: Final = {"sandbox": "sandbox_id", "recording": "name"}
"""The parameters that name the things which have an owner."""

RESERVED: Final = ("dry_run", "node")
"""Parameters that every interface adds to the operations they apply to."""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


class DeclarationError(TypeError):
    """An invalid declaration of an operation, raised when its module is imported."""


class Body(BaseModel):
    """A group of parameters: exact types, no unknown fields. As in JSON Schema, 5.0 is the integer 5."""

    model_config = ConfigDict(strict=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not any(isinstance(value, float) for value in given.values()):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            return given  # pyright: ignore[reportUnknownVariableType]
        whole = {name for name, field in cls.model_fields.items() if _takes_int(field.annotation)}
        return {
            name: int(value) if name in whole and isinstance(value, float) and value.is_integer() else value
            for name, value in given.items()  # pyright: ignore[reportUnknownVariableType]
        }


@dataclass(frozen=True, slots=True)
class Picker:
    """The choices that a form offers for a parameter: `Annotated[str, Picker("process")]`."""

    kind: Literal[
        "process", "supervisor", "child", "application", "module", "registry", "setting", "recording",
        "name", "trace", "token", "backup", "simulation", "operation", "page", "sandbox", "user",
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """A page of a list: the result of an operation with the parameters `page` and `per_page`.

    `note` says why the list is empty or what may be missing, if that is known, and `since` from when on it would have
    items (seconds).
    """

    items: list[T]
    total: int
    page: int
    per_page: int
    note: str | None = None
    since: int | None = None


class Item(Protocol):
    """An item of a stream."""

    def fields(self) -> dict[str, Any]:
        """Return its fields as JSON values."""
        ...

    def sent(self) -> bytes:
        """Return it as a server-sent event."""
        ...


class Source(Protocol):
    """The source of a stream's items."""

    closed: bool

    @property
    def last_id(self) -> str:
        """The id to continue from."""
        ...

    @property
    def behind(self) -> bool:
        """True if it has not read all items that are there."""
        ...

    async def more(self, most: int, seconds: float) -> Sequence[Item]:
        """Wait at most `seconds` for items and return up to `most`; none after that time, or once closed."""
        ...

    def close(self) -> None:
        """Release the source; the reader is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Streamed(Generic[T]):
    """A stream of items: the result of an operation with the parameters `last_id`, `limit` and `timeout_ms`.

    HTTP sends them as server-sent events until the client disconnects. A request for `application/json` gets the items
    of a limited time as a `Part`, for interfaces that expect a single answer.
    """

    source: Source
    limit: int | None = None
    seconds: float | None = None


class Part(BaseModel, Generic[T]):
    """A part of a stream. Pass `last_id` to get the items that follow."""

    items: list[T]
    last_id: str = Field(description="pass it to continue from here")
    ended: Literal["limit", "timeout", "closed"] = Field(
        description="why the part ends here; `limit`: enough items, or no time left to read the rest"
    )


@dataclass(frozen=True, slots=True)
class Download:
    """A file as a result, sent part by part. The operation declares its media types."""

    media: str
    name: str
    parts: AsyncIterator[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an operation in JSON types; `meta` describes a page of a list, and other nodes."""

    data: Any
    meta: dict[str, Any] | None = None
    stream: Streamed[Any] | None = None
    """The stream of an operation that streams, in place of data."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation, with its type and its place in the HTTP request."""

    name: str
    annotation: Any
    default: Any
    place: Place
    description: str
    picker: str | None

    @property
    def required(self) -> bool:
        """True if it has no default."""
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """A platform service that an operation receives, by its type; an optional one may be None."""

    kind: type[Any]
    optional: bool = False


@dataclass(frozen=True, eq=False)
class Operation:
    """A declared operation.

    Its models are built on first use: those of all operations would take a tenth of the start-up time.
    """

    name: str
    category: str
    scope: Scope
    method: Method
    path: str
    function: Callable[..., Awaitable[Any]]
    summary: str
    description: str
    services: tuple[ServiceUse, ...]
    parameters: tuple[Parameter, ...]
    result: Any
    changes: bool
    destroys: bool
    bare: bool
    paged: bool
    streams: bool
    on_node: bool
    of: Of
    here: bool
    outlives: bool
    media: tuple[str, ...]
    errors: tuple[str, ...]
    short: tuple[str, ...]
    positional: tuple[str, ...]

    @cached_property
    def model(self) -> type[BaseModel]:
        """The model of all parameters."""
        return self._model("Parameters", self.parameters)

    @cached_property
    def body(self) -> type[BaseModel] | None:
        """The model of the request's body, None if no parameter is in it."""
        in_body = [one for one in self.parameters if one.place == "body"]
        return self._model("Request", in_body) if in_body else None

    @cached_property
    def encode(self) -> TypeAdapter[Any]:
        """The conversion of a result to JSON types, and back."""
        return TypeAdapter(self.result)

    @property
    def body_is_optional(self) -> bool:
        """True if a request without a body is valid."""
        return not any(one.required for one in self.parameters if one.place == "body")

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of all parameters, with `x-picker` where a form can offer choices.

        The cached result is shared; do not change it.
        """
        return self._schema

    @cached_property
    def _schema(self) -> dict[str, Any]:
        schema = self.model.model_json_schema()
        for one in self.parameters:
            if one.picker is not None:
                schema["properties"][one.name]["x-picker"] = one.picker
        return schema

    def _model(self, kind: str, parameters: Iterable[Parameter]) -> type[BaseModel]:
        title = "".join(part.title() for part in re.split(r"[._]", self.name))
        fields: dict[str, Any] = {
            one.name: (one.annotation, ... if one.required else one.default) for one in parameters
        }
        return create_model(f"{title}{kind}", __base__=Body, **fields)


def operation(
    name: str,
    *,
    http: tuple[Method, str],
    scope: Scope,
    category: str | None = None,
    changes: bool = False,
    destroys: bool = False,
    bare: bool = False,
    on: On = "node",
    of: Of | None = None,
    here: bool = False,
    outlives: bool = False,
    media: tuple[str, ...] = (),
    errors: tuple[str, ...] = (),
    short: str = "",
    positional: str = "",
) -> Callable[[F], F]:
    """Declare a function as an operation and return it unchanged.

    Parameters before a `/` come from the platform, by their type: the `Context`, and services such as `Settings` or
    `Traces`. Those after it come from the caller. Without a `/`, the first parameter is the `Context`. A parameter with
    the name of a Python keyword has an underscore here: `from_` is `from`.

    Args:
        name: `category.verb`, unique: `process.kill`.
        http: method and path under `/api/v1`; `{names}` in the path are parameters.
        scope: the scope that callers need.
        category: by default the first part of the name.
        changes: it changes something, so it supports a dry run and is written to the audit log.
        destroys: it ends or deletes something with its data; forms start with a dry run.
        bare: the answer has no envelope.
        on: `node` for an operation that acts on any node, chosen by the `node` parameter that every interface adds;
            `platform` for one about the platform itself.
        of: what the result belongs to, which decides for whom the `own` scope is enough; see `Of`. By default the node,
            or the platform.
        here: it runs in the platform even for a node in another process, which it asks for data; other operations run
            in that node.
        outlives: like `here`, and it also answers about nodes that do not exist any more, or belong to others: it
            decides by itself what the user may read.
        media: media types of a `Download`, besides JSON.
        errors: codes it may answer besides those of every operation.
        short: the fields that the command line shows, in this order, if all of them would be too many:
            `"id status steps.at,text"`. A single text field is printed as it is.
        positional: the parameters outside the path that the command line also takes without their options, in this
            order: `"from to"`. A list can only be the last one.

    Raises:
        DeclarationError: the declaration is invalid; the text says where.
    """

    def declare(function: F) -> F:
        read = _read(
            function,
            name,
            http,
            scope,
            category,
            changes,
            destroys,
            bare,
            on,
            of,
            here or outlives,
            outlives,
            media,
            errors,
            short,
            positional,
        )
        setattr(function, MARK, read)
        return function

    return declare


def declared(function: object) -> Operation | None:
    """Return the operation that a function was declared as."""
    return getattr(function, MARK, None)


def _read(
    function: Callable[..., Awaitable[Any]],
    name: str,
    http: tuple[Method, str],
    scope: Scope,
    category: str | None,
    changes: bool,
    destroys: bool,
    bare: bool,
    on: On,
    of: Of | None,
    here: bool,
    outlives: bool,
    media: tuple[str, ...],
    errors: tuple[str, ...],
    short: str,
    positional: str,
) -> Operation:
    def wrong(expected: str, got: object) -> DeclarationError:
        return DeclarationError(f"operation {name!r} of {function.__module__}: expected {expected}, got {got!r}")

    method, path = http
    if not NAME.fullmatch(name):
        raise wrong("a name such as process.kill", name)
    if method not in get_args(Method) or not path.startswith("/"):
        raise wrong('http=("GET", "/path")', http)
    if scope not in SCOPES:
        raise wrong(f"a scope of {', '.join(SCOPES)}", scope)
    if changes == (method == "GET"):
        raise wrong("GET for an operation that changes nothing, and another method for one that does", http)
    if unknown := [code for code in errors if code not in CODES]:
        raise wrong("codes of superlearner.operations.failures", unknown)
    if not inspect.iscoroutinefunction(function):
        raise wrong("an async def", function)
    text = docstring_of(function)
    if not text:
        raise wrong("a docstring, which every interface shows", text)
    summary, _, description = text.partition("\n\n")
    hints = get_type_hints(function, include_extras=True)
    result = hints.pop("return", None)
    if result is None:
        raise wrong("a result type", "none")
    paged = get_origin(result) is Paged
    if paged:
        result = list[get_args(result)[0]]
    streams = get_origin(result) is Streamed
    if streams:
        result = Part[get_args(result)[0]]  # pyright: ignore[reportInvalidTypeArguments]
    before, after = _divided(function)
    services = tuple(_service(hints.get(one.name)) for one in before) or (ServiceUse(Context),)
    if odd := [one.name for one, use in zip(before, services, strict=False) if not isinstance(use.kind, type)]:
        raise wrong("the type of a service for each parameter before the /", odd)
    parameters = tuple(_parameters(after, hints, method, path))
    if missing := {found[1] for found in IN_PATH.finditer(path)} - {one.name for one in parameters}:
        raise wrong("a parameter for each part of the path", sorted(missing))
    if (of == "node") > (on == "node") or (of in THINGS and THINGS[of] not in {one.name for one in parameters}):
        raise wrong("a parameter that names what the result belongs to", of)
    reserved = RESERVED if on == "node" else RESERVED[:1]
    if odd := set(positional.split()) - {one.name for one in parameters if one.place != "path"}:
        raise wrong("parameters outside the path as positional ones", sorted(odd))
    if taken := [one.name for one in parameters if one.name in reserved]:
        raise wrong(f"other names than {', '.join(reserved)}, which every interface adds by itself", taken)
    return Operation(
        name=name,
        category=category or name.partition(".")[0],
        scope=scope,
        method=method,
        path=path,
        function=function,
        summary=summary.replace("\n", " ").removesuffix("."),
        description=description,
        services=services,
        parameters=parameters,
        result=result,
        changes=changes,
        destroys=destroys,
        bare=bare,
        paged=paged,
        streams=streams,
        on_node=on == "node",
        of=of or on,
        here=here,
        outlives=outlives,
        media=media,
        errors=errors,
        short=_paths(short),
        positional=tuple(positional.split()),
    )


def _paths(short: str) -> tuple[str, ...]:
    """Split `"id steps.at,text"` into `id`, `steps.at` and `steps.text`."""
    found: list[str] = []
    for word in short.split():
        above, dot, names = word.rpartition(".")
        found += [f"{above}{dot}{name}" for name in names.split(",")]
    return tuple(found)


def _divided(function: Callable[..., Any]) -> tuple[list[inspect.Parameter], list[inspect.Parameter]]:
    """Return the parameters before the `/` and those after it; without a `/`, the first one is left out."""
    found = list(inspect.signature(function).parameters.values())
    before = [one for one in found if one.kind is one.POSITIONAL_ONLY]
    return before, found[len(before) or 1 :]


def _service(annotation: Any) -> ServiceUse:
    kinds = get_args(annotation)
    if len(kinds) == 2 and kinds[1] is NoneType:
        return ServiceUse(kinds[0], optional=True)
    return ServiceUse(annotation)


def _parameters(given: list[inspect.Parameter], hints: dict[str, Any], method: Method, path: str) -> list[Parameter]:
    in_path = {found[1] for found in IN_PATH.finditer(path)}
    elsewhere: Place = "query" if method == "GET" else "body"
    found: list[Parameter] = []
    for parameter in given:
        name, annotation = parameter.name.removesuffix("_"), hints[parameter.name]
        place: Place = "path" if name in in_path else elsewhere
        metadata = annotation.__metadata__ if get_origin(annotation) is Annotated else ()
        picker = next((item.kind for item in metadata if isinstance(item, Picker)), None)
        words = next(
            (item.description for item in reversed(metadata) if isinstance(item, FieldInfo) and item.description), ""
        )
        found.append(Parameter(name, annotation, parameter.default, place, words, picker))
    return found


def _takes_int(annotation: Any) -> bool:
    """Return whether the annotation allows an int and no float."""
    if get_origin(annotation) is Annotated:
        return _takes_int(get_args(annotation)[0])
    kinds = get_args(annotation)
    return annotation is int or (any(map(_takes_int, kinds)) and float not in kinds)
