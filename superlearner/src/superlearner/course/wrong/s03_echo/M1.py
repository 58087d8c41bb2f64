import otp


async def echo():
    match await otp.receive():
        case ("echo", text, from_, ref):
            otp.send(from_, (ref, text))
