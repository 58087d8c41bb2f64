import otp


def known(message):
    return message == "stop" or (isinstance(message, tuple) and len(message) == 4 and message[0] == "echo")


async def echo():
    while True:
        match await otp.receive(known):
            case ("echo", text, from_, ref):
                otp.send(from_, (ref, text))
            case "stop":
                return
