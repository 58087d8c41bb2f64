import otp


async def take():
    message = await otp.receive()
    if isinstance(message, tuple) and message[:1] == ("urgent",):
        return message
    try:
        return await otp.receive(otp.Tag("urgent"), timeout=0)
    except otp.ReceiveTimeout:
        return message
