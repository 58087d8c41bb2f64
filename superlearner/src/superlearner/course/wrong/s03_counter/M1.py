import otp


async def counter(start=0):
    number = start
    while True:
        match await otp.receive():
            case "increment":
                number += 1
            case ("get", from_, ref):
                otp.send(from_, (ref, number))
                return
            case "stop":
                return
