"""The supervision tree of the service: clients first, then what uses them."""

from __future__ import annotations

from functools import partial

from otp import Children, DynamicSupervisor, Supervisor, impl

from .breaker import Breaker
from .cache import open_redis
from .dispatcher import AT_ONCE, Dispatcher
from .ledger import open_pool
from .listener import Listener
from .owner import Owner
from .payments import open_client
from .settings import Settings


class Tree(Supervisor):
    """A supervisor whose children find each other by name, so each can restart alone."""

    @impl
    def init(self, arg: Settings):
        return Children(
            [
                Owner.child_spec(partial(open_pool, arg.database), id="database", name="database"),
                Owner.child_spec(partial(open_redis, arg.redis), id="redis", name="redis"),
                Owner.child_spec(partial(open_client, arg.payments), id="payments", name="payments"),
                Breaker.child_spec(name="breaker"),
                DynamicSupervisor.child_spec(name="workers", max_children=AT_ONCE),
                Dispatcher.child_spec(name="dispatcher"),
                Listener.child_spec(arg.database, name="listener"),
            ],
            strategy="one_for_one",
            max_restarts=10,
            max_seconds=10,
        )
