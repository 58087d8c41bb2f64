import asyncio

import otp


async def service():
    stopping = False
    while not stopping:
        match await otp.receive():
            case ("task", seconds, from_, ref):
                await asyncio.sleep(seconds)
                otp.send(from_, (ref, "done"))
            case "stop":
                stopping = True
