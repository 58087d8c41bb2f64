"""What an operation is, read from its declaration: the signature gives parameters and result, the docstring words."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model
from pydantic.fields import FieldInfo

from superlearner.arsenal.failures import CODES
from superlearner.arsenal.users import SCOPES, Scope

__all__ = ["Body", "DeclarationError", "Operation", "Paged", "Parameter", "Picker", "declared", "operation"]

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Place = Literal["path", "query", "body"]

NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
IN_PATH: Final = re.compile(r"\{(\w+)(:path)?\}")
MARK: Final = "__superlearner_operation__"

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


class DeclarationError(TypeError):
    """An operation that is declared wrongly; found when its module is imported."""


class Body(BaseModel):
    """Parameters that come together: exact types, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Picker:
    """What a form offers for a parameter: `Annotated[str, Picker("process")]`."""

    kind: Literal["process", "supervisor", "child", "application", "module", "registry", "setting", "recording"]


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """A page of a list: the result of an operation with the parameters `page` and `per_page`."""

    items: list[T]
    total: int
    page: int
    per_page: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation: where HTTP carries it, and what it may be."""

    name: str
    annotation: Any
    default: Any
    place: Place
    description: str
    picker: str | None

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One declared operation."""

    name: str
    category: str
    scope: Scope
    method: Method
    path: str
    function: Callable[..., Awaitable[Any]]
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    result: Any
    changes: bool
    destroys: bool
    bare: bool
    paged: bool
    errors: tuple[str, ...]
    model: type[BaseModel]
    body: type[BaseModel] | None
    encode: TypeAdapter[Any]

    @property
    def body_is_optional(self) -> bool:
        """Whether a request without a body is right."""
        return not any(one.required for one in self.parameters if one.place == "body")

    def schema(self) -> dict[str, Any]:
        """JSON Schema of all parameters together, with `picker` where a form can offer a choice."""
        schema = self.model.model_json_schema()
        for one in self.parameters:
            if one.picker is not None:
                schema["properties"][one.name]["x-picker"] = one.picker
        return schema


def operation(
    name: str,
    *,
    http: tuple[Method, str],
    scope: Scope,
    category: str | None = None,
    changes: bool = False,
    destroys: bool = False,
    bare: bool = False,
    errors: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Declare an operation; the function stays as it is.

    Args:
        name: `category.verb`, unique: `process.kill`.
        http: method and path under `/api/v1`; `{names}` in the path are parameters.
        scope: what who asks must have.
        category: by default the first part of the name.
        changes: it changes something: it can be tried dry, and it is written into the audit log.
        destroys: what it ends does not come back by itself; forms ask first.
        bare: the answer is not put into the envelope.
        errors: codes it may answer besides those of every operation.

    Raises:
        DeclarationError: the declaration is wrong; the text says where.
    """

    def declare(function: F) -> F:
        setattr(function, MARK, _read(function, name, http, scope, category, changes, destroys, bare, errors))
        return function

    return declare


def declared(function: object) -> Operation | None:
    """The operation a function was declared as."""
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
    errors: tuple[str, ...],
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
        raise wrong("codes of superlearner.arsenal.failures", unknown)
    if not inspect.iscoroutinefunction(function):
        raise wrong("an async def", function)
    text = inspect.getdoc(function)
    if not text:
        raise wrong("a docstring, which is its text at every door", text)
    summary, _, description = text.partition("\n\n")
    hints = get_type_hints(function, include_extras=True)
    result = hints.pop("return", None)
    if result is None:
        raise wrong("a result type", "none")
    paged = get_origin(result) is Paged
    if paged:
        result = list[get_args(result)[0]]
    parameters = tuple(_parameters(function, hints, method, path))
    if missing := {found[1] for found in IN_PATH.finditer(path)} - {one.name for one in parameters}:
        raise wrong("a parameter for each part of the path", sorted(missing))
    title = "".join(part.title() for part in re.split(r"[._]", name))
    in_body = [one for one in parameters if one.place == "body"]
    return Operation(
        name=name,
        category=category or name.partition(".")[0],
        scope=scope,
        method=method,
        path=path,
        function=function,
        summary=summary.replace("\n", " ").removesuffix("."),
        description=description,
        parameters=parameters,
        result=result,
        changes=changes,
        destroys=destroys,
        bare=bare,
        paged=paged,
        errors=errors,
        model=_model(f"{title}Parameters", parameters),
        body=_model(f"{title}Request", in_body) if in_body else None,
        encode=TypeAdapter(result),
    )


def _parameters(function: Callable[..., Any], hints: dict[str, Any], method: Method, path: str) -> list[Parameter]:
    in_path = {found[1] for found in IN_PATH.finditer(path)}
    elsewhere: Place = "query" if method == "GET" else "body"
    found: list[Parameter] = []
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        annotation = hints[name]
        place: Place = "path" if name in in_path else elsewhere
        metadata = annotation.__metadata__ if get_origin(annotation) is Annotated else ()
        picker = next((item.kind for item in metadata if isinstance(item, Picker)), None)
        words = next((item.description for item in metadata if isinstance(item, FieldInfo) and item.description), "")
        found.append(Parameter(name, annotation, parameter.default, place, words, picker))
    return found


def _model(name: str, parameters: Any) -> type[BaseModel]:
    fields: dict[str, Any] = {one.name: (one.annotation, ... if one.required else one.default) for one in parameters}
    return create_model(name, __base__=Body, **fields)
