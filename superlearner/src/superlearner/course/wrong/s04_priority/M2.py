import otp


async def take():
    return await otp.receive()
