import otp


async def echo():
    message = await otp.receive()
    if message == "stop":
        return
    if isinstance(message, tuple) and len(message) == 4 and message[0] == "echo":
        _, text, from_, ref = message
        otp.send(from_, (ref, text))
    await echo()
