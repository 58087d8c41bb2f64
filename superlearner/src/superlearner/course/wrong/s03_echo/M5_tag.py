import otp


async def echo():
    while True:
        match await otp.receive():
            case ("echo", text, from_, ref):
                otp.send(from_, ("echo", text))
            case "stop":
                return
