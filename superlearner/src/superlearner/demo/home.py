"""A tree with the demo and the shop: the home of a user in a sandbox of their own."""

from __future__ import annotations

from otp import Children, Supervisor, impl
from superlearner.demo.one_for_one import DemoOneForOne
from superlearner.demo.shop import Shop

__all__ = ["Home"]


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
