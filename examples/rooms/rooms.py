"""Chat rooms of a cluster: each runs on one member, and starts on another one when that is lost."""

from otp import Children, GenServer, Ok, Reply, Supervisor, impl
from otp.cluster import DistributedSupervisor, pg

ROOMS = DistributedSupervisor.child_spec(name="rooms")


class Room(GenServer):
    """A room, which other processes find in the group `rooms`."""

    @impl
    def init(self, topic):
        pg.join("rooms")
        return Ok((topic, []))

    @impl
    def handle_call(self, line, caller, state):
        topic, lines = state
        lines.append(line)
        return Reply((topic, len(lines)), state)


class Rooms(Supervisor):
    """The tree of each member."""

    @impl
    def init(self, arg):
        return Children([ROOMS])
