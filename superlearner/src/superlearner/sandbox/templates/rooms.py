"""An application: rooms that come and go

Rooms are started on demand, under a
DynamicSupervisor; a desk keeps the
list. Cast ("open", "blue") to the
desk, kill a room, and list the open
ones with the call "rooms".
"""

from typing import Any

import otp
from otp import Application, Children, Down, DynamicSupervisor, From, GenServer, NoReply, Ok, Reply, Supervisor, impl

Open = dict[str, otp.Pid]


class Room(GenServer[list[str]]):
    """Its state is the list of messages."""

    @impl
    def init(self, name: str) -> Ok[list[str]]:
        return Ok([f"welcome to the {name} room"])

    @impl
    def handle_cast(self, request: Any, said: list[str]) -> NoReply[list[str]]:
        return NoReply([*said, str(request)])


class Desk(GenServer[Open]):
    """Opens rooms, monitors them, and keeps the list of open ones."""

    @impl
    def init(self, arg: Any) -> Ok[Open]:
        return Ok({})

    @impl
    def handle_call(self, request: Any, caller: From, rooms: Open) -> Reply[Open]:
        return Reply(list(rooms), rooms)

    @impl
    async def handle_cast(self, request: Any, rooms: Open) -> NoReply[Open]:
        match request:
            case ("open", str(name)) if name not in rooms:
                room = await DynamicSupervisor.start_child("rooms", Room.child_spec(name, restart="temporary"))
                otp.monitor(room)
                return NoReply({**rooms, name: room})
            case _:
                return NoReply(rooms)

    @impl
    def handle_info(self, message: Any, rooms: Open) -> NoReply[Open]:
        match message:
            case Down(item=gone):
                return NoReply({name: room for name, room in rooms.items() if room is not gone})
            case _:
                return NoReply(rooms)


class House(Supervisor):
    """one_for_all: the desk's list and the rooms are useless without each other."""

    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [DynamicSupervisor.child_spec(name="rooms"), Desk.child_spec(None, id="desk", name="desk")],
            strategy="one_for_all",
        )


class Main(Application):
    """The application: its top supervisor is the house."""

    @impl
    async def start(self, kind: str, args: Any) -> Any:
        return await House.start_link(args, name="house")
