"""An empty tree, to try code in

Only the dynamic supervisor pool runs here. Cells of the
course run beside it, in the process workbench, and keep
their names; what they start under pool is restarted.
"""

from typing import Any

from otp import Children, DynamicSupervisor, Supervisor, impl


class Main(Supervisor):
    """A supervisor with an empty pool."""

    @impl
    def init(self, arg: Any) -> Children:
        return Children([DynamicSupervisor.child_spec(id="pool", name="pool")])
