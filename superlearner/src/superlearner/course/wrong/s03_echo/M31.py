import otp


async def echo():
    while True:
        match await otp.receive():
            case ("echo", text, from_, ref) if text:
                otp.send(from_, (ref, text))
            case "stop":
                return
