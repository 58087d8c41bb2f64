import otp


async def echo():
    while True:
        match await otp.receive():
            case ("echo", text, from_, ref):
                return otp.send(from_, (ref, text))
            case "stop":
                return
