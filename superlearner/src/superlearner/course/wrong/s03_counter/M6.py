import otp

number = 0


async def counter(start=0):
    global number
    number = start
    while True:
        match await otp.receive():
            case "increment":
                number += 1
            case ("get", from_, ref):
                otp.send(from_, (ref, number))
            case "stop":
                return
