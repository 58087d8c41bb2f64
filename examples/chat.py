"""Chat rooms that open when someone enters, and survive crashes with members.

Two registries: `rooms` maps a title to one process, `members` maps it to the many processes that listen to it.
"""

from __future__ import annotations

from typing import Any

import otp
from otp import Children, DynamicSupervisor, From, GenServer, NoReply, Ok, Pid, Registry, Reply, Supervisor, impl

Lines = tuple[str, ...]


class Room(GenServer[Lines]):
    """The last lines of a room, for those who enter later."""

    @impl
    def init(self, arg: str):
        return Ok((f"* welcome to the {arg}",))

    @impl
    def handle_call(self, request: Any, caller: From, state: Lines):
        match request:
            case "lines":
                return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Lines):
        match request:
            case ("said", line):
                return NoReply((*state, line)[-50:])


class Chat(Supervisor):
    @impl
    def init(self, arg: Any):
        return Children(
            [
                Registry.child_spec(keys="unique", name="rooms"),
                Registry.child_spec(keys="duplicate", name="members"),
                DynamicSupervisor.child_spec(name="open_rooms"),
            ],
            strategy="one_for_all",
        )


async def enter(title: str, nickname: str) -> Lines:
    """Join a room, opening it if necessary; return its earlier lines."""
    room = Registry.via("rooms", title)
    try:
        await DynamicSupervisor.start_child("open_rooms", Room.child_spec(title, name=room))
    except otp.AlreadyStarted:
        pass  # the room is open already
    Registry.register("members", title, nickname)
    return await GenServer.call(room, "lines")


def say(title: str, line: str) -> None:
    """Send a line to the room and all its members."""
    GenServer.cast(Registry.via("rooms", title), ("said", line))
    Registry.dispatch("members", title, lambda members: [otp.send(one.pid, ("said", line)) for one in members])


async def person(nickname: str, title: str, line: str, host: Pid) -> None:
    print(f"{nickname} enters and reads", await enter(title, nickname))
    say(title, f"{nickname}: {line}")
    _, heard = await otp.receive(otp.Tag("said"))
    print(f"{nickname} hears {heard!r}")
    otp.send(host, ("here", nickname))
    await otp.receive(otp.Is("leave"))


async def main() -> None:
    await Chat.start_link(None, name="chat")
    people: list[Pid] = []
    for nickname, line in [("ada", "hello?"), ("grace", "hello, ada")]:
        people.append(otp.spawn(person, nickname, "lobby", line, otp.self()))
        await otp.receive(otp.Tag("here", nickname))

    otp.exit(Registry.via("rooms", "lobby"), "kill")
    await DynamicSupervisor.count_children("open_rooms")  # answers when the room is open again
    print("the room crashed; its lines are", await GenServer.call(Registry.via("rooms", "lobby"), "lines"))
    print("still there:", [member.value for member in Registry.lookup("members", "lobby")])

    otp.send(people[0], "leave")
    await otp.wait_down(people[0])
    print("ada left; still there:", [member.value for member in Registry.lookup("members", "lobby")])


if __name__ == "__main__":
    otp.run(main)
