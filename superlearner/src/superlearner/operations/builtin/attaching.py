"""Running services with an observation socket: attach, list, detach."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from pydantic import Field

from otp import BadArgument, CallExit, standstill
from otp.doors import DoorError, WrongToken
from otp.observer import ViewError
from superlearner.base.commands import command
from superlearner.control.terms import clip
from superlearner.nodes.attaching import AlreadyAttached, Attachment, Attachments, SeveralDoors, TooManyServices
from superlearner.nodes.nodes import NameTaken
from superlearner.nodes.remote import RemoteError
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.results.attaching import AttachedNode, DetachedNode

ASKED_S: Final = 0.5
LONGEST: Final = 300

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._@:-]{0,99}$",
        description="the node's name on this platform: letters, digits and `._@:-`; by default its own name",
        examples=["shop"],
    ),
]


@operation(
    "node.attach",
    http=("POST", "/nodes/attached"),
    scope="code",
    on="platform",
    changes=True,
    errors=("name_taken", "node_unavailable", "bad_answer"),
)
async def attach(
    ctx: Context,
    attachments: Attachments,
    /,
    address: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="the service's observation socket: a path, `host:port`, or the name of a service of the user "
            "that the platform runs as",
            examples=["auction_house"],
        ),
    ],
    token: Annotated[
        str | None,
        Field(min_length=16, max_length=500, description="the service's token; not needed for one found by name"),
    ] = None,
    name: Annotated[
        Name | None, Field(description="name for the node on this platform; default: its own, else the service's")
    ] = None,
    token_file: Annotated[
        str | None,
        Field(
            max_length=1000,
            description="the absolute path of the file that the token is from: a platform that can read it stores "
            "the path instead of the token",
        ),
    ] = None,
) -> AttachedNode:
    """Attach to a running service.

    The service opens a socket with `otp.observe()` and decides what clients may do. Once attached, its node is
    available to all operations. When the service or the platform restarts, the platform tries to reattach for some
    minutes.
    """
    ctx.about_to(f"attach {clip(address, LONGEST)}")
    try:
        found = await attachments.attach(address, token, name, token_file)
    except WrongToken as error:
        problem = str(error)
        raise OperationError("validation_error", problem, details=[Detail("token", problem)]) from None
    except AlreadyAttached as error:
        hint = f"--node {error.name} selects its node; `{command('node.detach', error.name)}` detaches it"
        raise OperationError(
            "name_taken", f"{error.name} is attached already; nothing was changed", hint=hint
        ) from None
    except NameTaken as error:
        raise OperationError(
            "name_taken", str(error), hint=_under(attachments.free_name(error.name), address, token)
        ) from None
    except TooManyServices as error:
        raise OperationError("name_taken", str(error), hint=f"detach one, see `{command('node.attached')}`") from None
    except BadArgument as error:
        problem = clip(str(error), LONGEST)
        raise OperationError("validation_error", problem, details=[Detail("address", problem)]) from None
    except SeveralDoors as error:
        door = attachments.free_door(error)
        hint = _under(attachments.free_name(door), door, token)
        raise OperationError("node_unavailable", clip(str(error), LONGEST), hint=hint) from None
    except (DoorError, ImportError) as error:
        hint = f"`{command('attach', list=True)}` shows the services of this user"
        raise OperationError("node_unavailable", clip(str(error), LONGEST), hint=hint) from None
    except RemoteError as error:
        raise OperationError("bad_answer", clip(str(error), LONGEST)) from None
    return await _describe_attachment(found)


@operation(
    "node.detach",
    http=("DELETE", "/nodes/attached/{name}"),
    scope="code",
    on="platform",
    changes=True,
    errors=("node_not_found",),
)
async def detach(
    ctx: Context,
    attachments: Attachments,
    /,
    name: Annotated[
        str,
        Field(
            max_length=200,
            description="its name, see node.attached, or the address given to node.attach",
            examples=["auction_house"],
        ),
    ],
) -> DetachedNode:
    """Detach from a service.

    The platform also stops trying to reattach. The service itself is not affected.
    """
    found = attachments.find_addressed(name)
    if found is None or found.name is None:
        known = ", ".join(one.name or "" for one in attachments) or "none"
        raise OperationError("node_not_found", f"no service {name!r} is attached", hint=f"expected one of {known}")
    ctx.about_to(f"detach {found.name}")
    await attachments.detach(found.name)
    return DetachedNode(name=found.name, detached=True)


@operation("node.attached", http=("GET", "/nodes/attached"), scope="read", on="platform")
async def attached(attachments: Attachments, /) -> list[AttachedNode]:
    """List the attached services.

    Each with its state and its permissions.
    """
    return await asyncio.gather(*(_describe_attachment(one) for one in attachments))


def _under(name: str, address: str, token: str | None) -> str:
    """Return a hint to attach a service under another name."""
    how = f"add --name {name}" if token is not None else f"`{command('attach', address, name=name)}`"
    return f"{how}; --node {name} then selects its node"


async def _describe_attachment(found: Attachment) -> AttachedNode:
    """Return the line of a service; its counts are null if it does not answer within `ASKED_S`."""
    facts, processes, supervisors = found.facts, None, None
    if found.visitor is not None:
        try:
            async with standstill.timeout(ASKED_S):
                info = await found.visitor.view.info()
            processes, supervisors = _count(info.processes), _count(info.supervisors)
        except (TimeoutError, CallExit, ViewError, BadArgument):
            pass  # no answer or an invalid one: the counts stay unknown
    return AttachedNode(
        name=found.name or "",
        node="" if found.known is None else found.known.node,
        address=found.present_address,
        state=found.state,
        permissions=[] if facts is None else [clip(one, 40) for one in facts.permissions],
        pages=facts is not None and facts.backend is not None,
        can_do=found.can_do(),
        tries=found.tries,
        why=found.why,
        os_pid=0 if facts is None else facts.os_pid,
        python="" if facts is None else facts.python,
        processes=processes,
        supervisors=supervisors,
    )


def _count(figure: object) -> int | None:
    """Return a count from a service, None if it is not a valid one."""
    return figure if type(figure) is int and figure >= 0 else None
