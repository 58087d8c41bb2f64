"""The home of each user without other scopes than `own`: a sandbox with the demo, to break and to learn with."""

from __future__ import annotations

import asyncio
import re
from typing import Final
from weakref import WeakValueDictionary

from superlearner.operations.context import Context
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.accounts import Accounts
from superlearner.operations.rights.quotas import Quotas
from superlearner.operations.rights.sandbox_access import ask, may_run_here
from superlearner.operations.rights.tokens import Tokens
from superlearner.operations.rights.users import User
from superlearner.sandbox import Sandboxes
from superlearner.sandbox.happenings import Create, Restart
from superlearner.sandbox.record import Configuration, Sandbox, node_of_sandbox
from superlearner.settings.settings import Settings

__all__ = ["HOME", "Homes", "home_id", "home_node"]

HOME: Final = "home-"
"""Beginning of the ids of homes; no other sandbox has such an id."""

LONGEST: Final = 40
ODD: Final = re.compile(r"[^A-Za-z0-9_-]")
DEMO: Final = Configuration("demo", "superlearner.demo.home:Home", "demo and shop")


def home_id(user: User) -> str:
    """Return the id of the sandbox that is a user's home; the number makes it unique.

    >>> home_id(User("ada.l", frozenset(("own",)), id=7))
    'home-ada-l-7'
    """
    return f"{HOME}{ODD.sub('-', user.name)[:LONGEST]}-{user.id or 0}"


def home_node(user: User) -> str:
    """Return the name of the node of a user's home, which may not run."""
    return node_of_sandbox(home_id(user))


class Homes:
    """The homes of one platform; each starts when its user first needs it, and again after its end."""

    def __init__(self) -> None:
        self._starting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def node_of(self, services: Services, context: Context) -> str:
        """Return the node of the user's home, which runs.

        Raises:
            OperationError: it cannot start.
        """
        id, sandboxes = home_id(context.user), services.get(Sandboxes)
        found = sandboxes.find(id)
        if found is None or not found.alive or found.status == "starting":
            lock = self._starting.setdefault(id, asyncio.Lock())
            async with lock:
                found = sandboxes.find(id)
                if found is None or not found.alive:
                    found = await _start(services, context, id, found)
        if found.owner != context.user.name:
            raise OperationError(
                "conflict", f"the sandbox {id} belongs to another user", hint="ask the owner to end it"
            )
        return found.node


async def _start(services: Services, context: Context, id: str, ended: Sandbox | None) -> Sandbox:
    settings, tokens, accounts = services.get(Settings), services.get(Tokens), services.get(Accounts)
    await may_run_here(context, services.get(Sandboxes), settings, tokens, accounts)
    name = context.user.name
    admit = await services.get(Quotas).admission(name)
    if ended is not None:
        return await ask(context, Restart(None, id, ended.owner, admit=admit))
    return await ask(context, Create(None, id, name, node_of_sandbox(id), DEMO, admit=admit))
