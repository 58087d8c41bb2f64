"""Services that run in processes of their own and have a door: attached, listed, let go of."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from pydantic import Field

from otp import BadArgument, CallExit
from otp.doors import DoorError, WrongToken
from otp.observer import ViewError
from superlearner.control.terms import clip
from superlearner.nodes.attaching import Attachment, Attachments, NameTaken
from superlearner.nodes.remote import RemoteError
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.results_attaching import AttachedNode, DetachedNode

ASKED_S: Final = 0.5
LONGEST: Final = 300

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._@:-]{0,99}$",
        description="how its node is called here: letters, digits and `._@:-`; as it calls itself by default",
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
            description="where the door of the service is: the path of a socket, `host:port`, or the name of a door of "
            "the user whom the platform runs as",
            examples=["auction_house"],
        ),
    ],
    token: Annotated[
        str | None,
        Field(min_length=16, max_length=500, description="the secret of the door; not needed for one found by name"),
    ] = None,
    name: Name | None = None,
) -> AttachedNode:
    """Look into a service that runs, through the door that it opened with `otp.observe()`.

    From now on its node can be chosen as any other. When the service ends, the platform says so and looks for it for
    some minutes: after a restart it is attached again. What may be done there is decided by the service.
    """
    ctx.about_to(f"attach {clip(address, LONGEST)}")
    try:
        found = await attachments.attach(address, token, name)
    except WrongToken as error:
        problem = str(error)
        raise OperationError("validation_error", problem, details=[Detail("token", problem)]) from None
    except NameTaken as error:
        raise OperationError("name_taken", str(error), hint="give it a name of its own") from None
    except BadArgument as error:
        problem = clip(str(error), LONGEST)
        raise OperationError("validation_error", problem, details=[Detail("address", problem)]) from None
    except (DoorError, ImportError) as error:
        hint = "superlearner attach --list shows the doors of this user"
        raise OperationError("node_unavailable", clip(str(error), LONGEST), hint=hint) from None
    except RemoteError as error:
        raise OperationError("bad_answer", clip(str(error), LONGEST)) from None
    except ValueError as error:  # a node of this name came meanwhile, or it calls itself as another one
        raise OperationError("name_taken", clip(str(error), LONGEST), hint="give it a name of its own") from None
    return await _line(found)


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
        str, Field(max_length=200, description="its name, from the list of those attached", examples=["auction_house"])
    ],
) -> DetachedNode:
    """Look no more into a service that was attached, nor for it. Nothing happens to the service."""
    if attachments.find(name) is None:
        known = ", ".join(one.name or "" for one in attachments) or "none"
        raise OperationError("node_not_found", f"no service {name!r} is attached", hint=f"expected one of {known}")
    ctx.about_to(f"detach {name}")
    await attachments.detach(name)
    return DetachedNode(name=name)


@operation("node.attached", http=("GET", "/nodes/attached"), scope="read", on="platform")
async def attached(attachments: Attachments, /) -> list[AttachedNode]:
    """List the services that are attached, with how they are and what can be done with each."""
    return await asyncio.gather(*(_line(one) for one in attachments))


async def _line(found: Attachment) -> AttachedNode:
    """What is said of a service; its figures are asked of its view, and not waited for long."""
    facts, processes, supervisors = found.facts, None, None
    if found.visitor is not None:
        try:
            async with asyncio.timeout(ASKED_S):
                info = await found.visitor.view.info()
            processes, supervisors = _count(info.processes), _count(info.supervisors)
        except (TimeoutError, CallExit, ViewError, BadArgument):
            pass  # it does not answer now, or what is no answer: unknown either way
    return AttachedNode(
        name=found.name or "",
        node="" if facts is None else facts.node,
        address=found.where.address,
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
    """A figure of a service, if it is one."""
    return figure if type(figure) is int and figure >= 0 else None
