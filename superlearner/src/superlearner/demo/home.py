"""Trees around the demos that restart one that gave up: those of a sandbox, and those of a member of a cluster."""

from __future__ import annotations

from contextlib import suppress

from otp import Children, Supervisor, impl
from otp.cluster import Cluster, NotMember
from superlearner.demo.counters import CounterTree
from superlearner.demo.one_for_one import DemoOneForOne
from superlearner.demo.shop import Shop

__all__ = ["Home", "Playground"]


class Home(Supervisor):
    """A supervisor of both demos, which restarts one that gave up.

    >>> import otp
    >>> async def main():
    ...     home = await Home.start_link(None)
    ...     return [child.id for child in await Supervisor.which_children(home)]
    >>> otp.run(main)
    ['shop', 'demo_one_for_one']
    """

    @impl
    def init(self, arg: object) -> Children:
        """Return the demo and the shop."""
        return Children(
            [
                DemoOneForOne.child_spec(None, id="demo_one_for_one", name="demo_one_for_one"),
                Shop.child_spec(None, id="shop", name="shop"),
            ],
            max_restarts=1000,
            max_seconds=1,
        )


class Playground(Supervisor):
    """A supervisor of a shop and of counters in the cluster: the tree of a member, named as that of the platform."""

    @impl
    def init(self, arg: object) -> Children:
        """Return the shop, and the counters if the node is a member."""
        children = [Shop.child_spec(None, id="shop", name="shop")]
        with suppress(NotMember):
            Cluster.here()
            children.append(CounterTree.child_spec(None, id="counter_tree", name="counter_tree"))
        return Children(children, max_restarts=1000, max_seconds=1)
