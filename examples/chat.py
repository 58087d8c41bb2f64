"""Chat rooms that start when somebody enters and end with a crash, without a crash of anybody else.

Two registries: `rooms` finds the one process of a title, `members` the many processes in a room.
"""

from __future__ import annotations

from typing import Any

import otp
from otp import (
    AlreadyStarted,
    Children,
    DynamicSupervisor,
    GenServer,
    NoReply,
    Ok,
    Registry,
    Reply,
    Supervisor,
    impl,
)

Lines = tuple[str, ...]


class Room(GenServer[Lines]):
    """The last lines that were said, for those who come later."""

    @impl
    def init(self, title: str):
        return Ok((f"* welcome to {title}",))

    @impl
    def handle_call(self, request: Any, caller: otp.From, lines: Lines):
        match request:
            case "lines":
                return Reply(lines, lines)

    @impl
    def handle_cast(self, request: Any, lines: Lines):
        match request:
            case ("said", line):
                return NoReply((*lines, line)[-50:])


class Chat(Supervisor):
    @impl
    def init(self, arg: object):
        return Children(
            [
                Registry.child_spec(keys="unique", name="rooms"),
                Registry.child_spec(keys="duplicate", name="members"),
                DynamicSupervisor.child_spec(name="open_rooms"),
            ],
            strategy="one_for_all",
        )


async def enter(title: str, nickname: str) -> Lines:
    """Join a room, opened if need be; what was said before."""
    room = Registry.via("rooms", title)
    try:
        await DynamicSupervisor.start_child("open_rooms", Room.child_spec(title, name=room))
    except AlreadyStarted:
        pass  # somebody is there already
    Registry.register("members", title, nickname)
    return await GenServer.call(room, "lines")


def say(title: str, line: str) -> None:
    """Tell everybody in the room, and the room."""
    GenServer.cast(Registry.via("rooms", title), ("said", line))
    Registry.dispatch("members", title, lambda members: [otp.send(m.pid, ("said", line)) for m in members])


async def person(nickname: str, title: str, line: str, host: otp.Pid) -> None:
    print(f"{nickname} enters and reads {list(await enter(title, nickname))}")
    otp.send(host, ("entered", nickname))
    say(title, f"{nickname}: {line}")
    match await otp.receive(otp.Tag("said")):
        case ("said", heard):
            print(f"{nickname} hears {heard!r}")
    await otp.receive(otp.Is("leave"))


async def main() -> None:
    await Chat.start_link(None, name="chat")
    people: list[otp.Pid] = []
    for nickname, line in [("ada", "hello?"), ("grace", "hello, ada")]:
        people.append(otp.spawn(person, nickname, "lobby", line, otp.self()))
        await otp.receive(otp.Tag("entered", nickname))
    print("in the lobby:", [member.value for member in Registry.lookup("members", "lobby")])

    otp.exit(Registry.lookup("rooms", "lobby")[0].pid, "kill")
    await Supervisor.count_children("chat")
    for pid in people:
        otp.send(pid, "leave")
        await otp.wait_down(pid)
    await DynamicSupervisor.count_children("open_rooms")  # answers when the room is back
    print("the room crashed and is back:", list(await GenServer.call(Registry.via("rooms", "lobby"), "lines")))
    print("in the lobby:", [member.value for member in Registry.lookup("members", "lobby")])


if __name__ == "__main__":
    otp.run(main)
