import otp


async def calculator():
    while True:
        match await otp.receive():
            case ("add", a, b, from_, ref):
                otp.send(from_, (ref, ("ok", a + b)))
            case ("sub", a, b, from_, ref):
                otp.send(from_, (ref, ("ok", a - b)))
            case ("mul", a, b, from_, ref):
                otp.send(from_, (ref, ("ok", a * b)))
            case ("div", a, 0, from_, ref):
                otp.send(from_, (ref, ("error", "division_by_zero")))
            case ("div", a, b, from_, ref):
                otp.send(from_, (ref, ("ok", a / b)))
            case "stop":
                return
