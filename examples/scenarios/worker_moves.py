"""The program of the scenarios in this folder: a registry, and a supervisor whose workers keep their count."""

from otp import GenServer, Ok, Reply, impl
from otp.cluster import DistributedRegistry, DistributedSupervisor


class Worker(GenServer[int]):
    """Counts calls, on whatever member it runs."""

    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state + 1)

    @impl
    def handoff(self, state):
        return state

    @impl
    def take_over(self, arg, term):
        return Ok(term)


def children(member):
    """Return what each member runs."""
    return [DistributedRegistry.child_spec(name="rooms"), DistributedSupervisor.child_spec(name="workers")]


def leased(member):
    """Return the same children in lease mode."""
    return [
        DistributedRegistry.child_spec(name="rooms", consistency="lease"),
        DistributedSupervisor.child_spec(name="workers", consistency="lease"),
    ]
