import otp


async def echo():
    while True:
        message = await otp.receive()
        if message == "stop":
            return
        tag, text, from_, ref = message
        otp.send(from_, (ref, text))
