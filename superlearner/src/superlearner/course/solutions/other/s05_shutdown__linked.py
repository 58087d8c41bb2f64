import asyncio

import otp


def work(seconds, from_, ref):
    async def run():
        await asyncio.sleep(seconds)
        otp.send(from_, (ref, "done"))

    return otp.spawn_link(run)


async def service():
    otp.process_flag("trap_exit", True)
    state = {"tasks": [], "open": True}
    while state["open"] or state["tasks"]:
        message = await otp.receive()
        if message == "stop":
            state["open"] = False
        elif isinstance(message, otp.ExitSignal):
            state["tasks"].remove(message.pid)
        elif message[0] == "task" and state["open"]:
            state["tasks"].append(work(*message[1:]))
        elif message[0] == "task":
            otp.send(message[2], (message[3], ("error", "stopping")))
