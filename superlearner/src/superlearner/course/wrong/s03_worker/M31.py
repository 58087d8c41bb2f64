import asyncio

import otp


async def worker():
    while True:
        match await otp.receive():
            case ("work", seconds, from_, ref):
                await asyncio.sleep(seconds)
                print("done")
            case "stop":
                return
