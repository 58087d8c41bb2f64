import asyncio

import otp


async def take():
    await asyncio.sleep(0.01)
    try:
        return await otp.receive(otp.Tag("urgent"), timeout=0)
    except otp.ReceiveTimeout:
        return await otp.receive()
