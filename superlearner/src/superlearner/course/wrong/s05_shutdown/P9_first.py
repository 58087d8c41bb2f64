import asyncio

import otp


async def service():
    running, stopping = set(), False
    while not (stopping and not running):
        match await otp.receive():
            case ("task", _, from_, ref) if stopping:
                otp.send(from_, (ref, ("error", "stopping")))
            case ("task", seconds, from_, ref):
                _, monitor = otp.spawn_monitor(task, seconds, from_, ref)
                running.add(monitor)
            case otp.Down(ref):
                running.clear()
            case "stop":
                stopping = True


async def task(seconds, from_, ref):
    await asyncio.sleep(seconds)
    otp.send(from_, (ref, "done"))
