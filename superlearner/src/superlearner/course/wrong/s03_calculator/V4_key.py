import otp

OPERATIONS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}


async def calculator():
    while True:
        match await otp.receive():
            case ("div", _, 0, from_, ref):
                otp.send(from_, (ref, ("error", "division_by_zero")))
            case (op, a, b, from_, ref):
                otp.send(from_, (ref, ("ok", OPERATIONS[op](a, b))))
            case "stop":
                return
