import asyncio

import otp


async def worker():
    match await otp.receive():
        case ("work", seconds, from_, ref):
            await asyncio.sleep(seconds)
            otp.send(from_, (ref, "done"))
