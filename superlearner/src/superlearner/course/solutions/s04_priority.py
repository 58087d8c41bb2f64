import otp


async def take():
    try:
        return await otp.receive(otp.Tag("urgent"), timeout=0)
    except otp.ReceiveTimeout:
        return await otp.receive()
