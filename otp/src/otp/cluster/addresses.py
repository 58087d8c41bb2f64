"""The addresses at which a member looks for others: read from its sources, and dialled in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from otp.cluster.discovery import Discovery
from otp.kernel.steps.node import start_detached
from otp.kernel.values.sentences import say

if TYPE_CHECKING:
    from otp.cluster.membership import Membership

__all__ = ["Addresses"]


class Addresses:
    """The addresses of a membership; `carrier` dials them, and `sources` name those of other members."""

    def __init__(self, membership: Membership, carrier: Any, sources: tuple[Discovery, ...]) -> None:
        self._membership = membership
        self._carrier = carrier
        self._sources = sources
        self._tasks: set[asyncio.Task[Any]] = set()
        self._dialled: set[str] = set()
        self._complained: set[str] = set()
        self._found: dict[str, list[str]] = {}  # what each source found last

    def look(self) -> None:
        """Read all sources, and dial what they name."""
        for source in self._sources:
            self._run(self._look(source))

    def cancel(self) -> None:
        """Cancel all look-ups and dials."""
        for task in self._tasks:
            task.cancel()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = start_detached(self._membership.node, coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, source: Discovery) -> None:
        name = type(source).__name__
        try:
            addresses = await source.addresses()
        except Exception as error:
            if name not in self._complained:
                self._complained.add(name)
                say(logging.WARNING, "%s: no addresses of members by %s: %s", self._membership.me, name, error)
            return
        self._complained.discard(name)
        if addresses and addresses != self._found.get(name):
            say(logging.INFO, "%s looks for members at %s, by %s", self._membership.me, ", ".join(addresses[:10]), name)
            self._found[name] = addresses
        here = {member.address for member in self._membership.members()}
        for address in addresses:
            if address not in here:
                self.dial(address)

    def dial(self, address: str, *, again: bool = False) -> None:
        """Try an address in the background, once at a time; `again` if it may have been lost."""
        if address not in self._dialled and address != self._membership.me.address and not self._membership.over:
            self._dialled.add(address)
            self._run(self._dial_now(address, again))

    async def _dial_now(self, address: str, again: bool) -> None:
        try:
            await self._carrier.connect(address, again=again)
        except ConnectionError:
            pass  # no member listens there yet; it is tried again
        except Exception as error:
            if address not in self._complained:
                self._complained.add(address)
                why = str(error) if address in str(error) else f"{address}: {error}"
                say(logging.WARNING, "%s cannot connect with a member: %s", self._membership.me, why)
        else:
            self._complained.discard(address)
        finally:
            self._dialled.discard(address)
