"""Applications: list, start, stop, environment."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from otp import Application, Pid, Supervisor
from otp.redaction import HIDDEN, hides, is_secret
from superlearner.control.protection import release_applications
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, is_a, json_of, plain_pid, text_of
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.engine.seams import PlaygroundApplication, PlaygroundTrees
from superlearner.operations.engine.steering import steering
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import PageNumber, PerPage, Term
from superlearner.operations.results.code import ApplicationChange, ApplicationDetails, Environment, EnvironmentValue
from superlearner.operations.targets import term_of

STEERED = ("application_not_found", "critical_process_protection", "start_failed", "conflict", "call_failed", "timeout")
OURS = "superlearner"

ApplicationText = Annotated[str, Field(max_length=200, description="its name"), Picker("application")]
KeyText = Annotated[str, Field(min_length=1, max_length=200, description="a key of its environment")]


@dataclass(frozen=True, slots=True)
class Known:
    """An application and its state; `own` is set if it runs as a tree of the playground."""

    name: str
    cls: type[Application]
    running: bool
    type: Literal["permanent", "transient", "temporary"] | None = None
    top: Pid | None = None
    master: Pid | None = None
    own: PlaygroundApplication | None = None


@operation("application.list", http=("GET", "/applications"), scope="read")
async def list_all(
    ctx: Context, trees: PlaygroundTrees, /, page: PageNumber = 1, per_page: PerPage = 50
) -> Paged[ApplicationDetails]:
    """List applications.

    All loaded applications of a node, running or not. The platform's own node includes those of the playground.
    """
    found = await _list_applications(ctx, trees)
    start = (page - 1) * per_page
    return Paged(
        [await _describe_application(ctx, one) for one in found[start : start + per_page]], len(found), page, per_page
    )


@operation(
    "application.info",
    http=("GET", "/applications/{name}"),
    scope="read",
    errors=("application_not_found",),
)
async def info(ctx: Context, trees: PlaygroundTrees, /, name: ApplicationText) -> ApplicationDetails:
    """Show an application.

    Its state, its dependencies and the keys of its environment.
    """
    return await _describe_application(ctx, await _find(ctx, trees, name))


@operation(
    "application.start",
    http=("POST", "/applications"),
    scope="code",
    on="platform",
    changes=True,
    errors=(*STEERED, "already_started"),
)
async def start(
    ctx: Context,
    trees: PlaygroundTrees,
    /,
    application: Annotated[
        str, Field(max_length=500, description="`module:Class` of an imported class, or the name of an application")
    ],
    type: Annotated[
        Literal["temporary", "transient"], Field(description="not permanent, because its end would end the platform")
    ] = "temporary",
    args: Term = None,
) -> ApplicationChange:
    """Start an application.

    Its dependencies start first.
    """
    cls = await _class_of(ctx, trees, application)
    known = next((one for one in await _list_applications(ctx, trees) if one.cls is cls), None)
    if known is not None and known.running:
        raise OperationError("already_started", f"{known.name} is already running")
    term = () if args is None else term_of(args, "args")
    with steering():
        ctx.about_to(f"start the application {cls.name} and its dependencies", [cls.name])
        if known is not None and known.own is not None:
            await Supervisor.restart_child(("playground", ctx.node), known.name)
            return ApplicationChange(name=cls.name, started=[cls.name], stopped=[])
        started = await Application.ensure_all_started(cls, type, args=term)
        await release_applications(ctx.node)
    return ApplicationChange(name=cls.name, started=started, stopped=[])


@operation(
    "application.stop",
    http=("DELETE", "/applications/{name}"),
    scope="operate",
    on="platform",
    changes=True,
    destroys=True,
    errors=STEERED,
)
async def stop(ctx: Context, trees: PlaygroundTrees, /, name: ApplicationText) -> ApplicationChange:
    """Stop an application.

    Calls `prep_stop`, stops its tree from the leaves to the root, then calls `stop`. Applications that depend on it
    keep running.
    """
    known = await _running(ctx, trees, name)
    with steering():
        ctx.about_to(f"stop the application {name}", [name])
        await _stop(ctx, known)
    return ApplicationChange(name=name, started=[], stopped=[name])


@operation(
    "application.restart",
    http=("POST", "/applications/{name}/restart"),
    scope="operate",
    on="platform",
    changes=True,
    errors=STEERED,
)
async def restart(ctx: Context, trees: PlaygroundTrees, /, name: ApplicationText) -> ApplicationChange:
    """Restart an application.

    It keeps its type and its current environment.
    """
    known = await _running(ctx, trees, name)
    with steering():
        ctx.about_to(f"restart the application {name}", [name])
        await _stop(ctx, known)
        if known.own is not None:
            await Supervisor.restart_child(("playground", ctx.node), name)
        else:
            await Application.start(known.cls, known.type or "temporary")
            await release_applications(ctx.node)
    return ApplicationChange(name=name, started=[name], stopped=[name])


@operation(
    "application.env",
    http=("GET", "/applications/{name}/env"),
    scope="read",
    errors=("application_not_found",),
)
async def environment(ctx: Context, trees: PlaygroundTrees, /, name: ApplicationText) -> Environment:
    """Show the environment of an application.

    The values of its class, overridden by those that were set.
    """
    known = await _find(ctx, trees, name)
    values = Application.get_all_env(known.cls, node=ctx.node)
    return Environment(name=name, values=json_of(values))


@operation(
    "application.get_env",
    http=("GET", "/applications/{name}/env/{key:path}"),
    scope="read",
    errors=("application_not_found",),
)
async def get_env(ctx: Context, trees: PlaygroundTrees, /, name: ApplicationText, key: KeyText) -> EnvironmentValue:
    """Show a value of an application's environment."""
    return _value(ctx, await _find(ctx, trees, name), key)


@operation(
    "application.set_env",
    http=("PUT", "/applications/{name}/env/{key:path}"),
    scope="operate",
    changes=True,
    errors=("application_not_found", "critical_process_protection"),
)
async def set_env(
    ctx: Context, trees: PlaygroundTrees, /, name: ApplicationText, key: KeyText, value: Term
) -> EnvironmentValue:
    """Set a value in an application's environment.

    The value lasts until the node ends. The application gets it with its next read. Lists become tuples.
    """
    known = await _steerable(ctx, trees, name)
    term = term_of(value, "value")
    ctx.about_to(f"set {key[:200]} in the environment of {name}", [name])
    Application.put_env(known.cls, key, term, node=ctx.node)
    return _value(ctx, known, key)


@operation(
    "application.unset_env",
    http=("DELETE", "/applications/{name}/env/{key:path}"),
    scope="operate",
    changes=True,
    errors=("application_not_found", "critical_process_protection"),
)
async def unset_env(ctx: Context, trees: PlaygroundTrees, /, name: ApplicationText, key: KeyText) -> EnvironmentValue:
    """Remove a value from an application's environment.

    The default of its class applies again, if there is one.
    """
    known = await _steerable(ctx, trees, name)
    ctx.about_to(f"unset {key[:200]} in the environment of {name}", [name])
    Application.unset_env(known.cls, key, node=ctx.node)
    return _value(ctx, known, key)


async def _list_applications(ctx: Context, trees: PlaygroundTrees) -> list[Known]:
    """Return all applications of the node, those of the playground last."""
    found = [
        Known(spec.name, spec.cls, spec.type is not None, spec.type, spec.top, spec.master)
        for spec in await Application.loaded_applications(node=ctx.node)
    ]
    if not ctx.kind.has_playground:
        return found
    children = {one.id: one.pid for one in await Supervisor.which_children(("playground", ctx.node))}
    for name, application in trees.applications:
        pid = children.get(name)
        top = pid if isinstance(pid, Pid) else None
        found = [one for one in found if one.cls is not application.cls]
        found.append(Known(name, application.cls, top is not None, top=top, own=application))
    return found


async def _find(ctx: Context, trees: PlaygroundTrees, name: str) -> Known:
    for one in await _list_applications(ctx, trees):
        if one.name == name:
            return one
    node = ctx.nodes.option_of(ctx.node.name) or ctx.node.name
    raise OperationError(
        "application_not_found",
        f"{ctx.node_name} has no application {name!r}",
        hint=f"see GET /api/v1/applications?node={node}",
    )


async def _steerable(ctx: Context, trees: PlaygroundTrees, name: str) -> Known:
    known = await _find(ctx, trees, name)
    if name == OURS:  # no force: the client would never receive the answer
        raise OperationError(
            "critical_process_protection",
            f"{OURS} is the platform itself",
            hint="stop it with Ctrl-C or SIGTERM; change it with PUT /api/v1/settings",
        )
    return known


async def _running(ctx: Context, trees: PlaygroundTrees, name: str) -> Known:
    known = await _steerable(ctx, trees, name)
    if not known.running:
        raise OperationError("conflict", f"the application {name} is not running")
    return known


async def _stop(ctx: Context, known: Known) -> None:
    if known.own is None:
        await Application.stop(known.name)
        return
    await known.own.prep_stop()
    await Supervisor.terminate_child(("playground", ctx.node), known.name)
    await known.own.stop()


async def _class_of(ctx: Context, trees: PlaygroundTrees, text: str) -> type[Application]:
    module, colon, path = text.partition(":")
    if not colon:
        return (await _find(ctx, trees, text)).cls
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    if not isinstance(found, type) or not issubclass(found, Application) or found is Application:
        raise OperationError(
            "validation_error",
            f"application: expected 'module:Class', an imported otp.Application, got {text[:200]!r}",
        )
    return found


async def _describe_application(ctx: Context, known: Known) -> ApplicationDetails:
    cls = known.cls
    return ApplicationDetails(
        name=known.name,
        what=clip(f"{cls.__module__}:{cls.__qualname__}", 300),
        description=_text(cls.description),
        vsn=_text(cls.vsn),
        running=known.running,
        type=known.type,
        top=None if known.top is None else plain_pid(known.top),
        master=None if known.master is None else plain_pid(known.master),
        applications=[needed.name for needed in cls.applications],
        environment=[id_text(key) for key in list(Application.get_all_env(cls, node=ctx.node))[:1000]],
    )


def _text(words: Any) -> str:
    """Return an attribute of a user's class as text; it may be any value."""
    return clip(words, 1000) if is_a(words, str) else text_of(words, 1000)


def _value(ctx: Context, known: Known, key: str) -> EnvironmentValue:
    values = Application.get_all_env(known.cls, node=ctx.node)
    value = HIDDEN if key in values and hides(is_secret, key, values[key]) else json_of(values.get(key))
    return EnvironmentValue(name=known.name, key=key, set=key in values, value=value)
