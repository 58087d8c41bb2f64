import otp


def compute(op, a, b):
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div":
            return a / b


async def calculator():
    while True:
        match await otp.receive():
            case ("div", a, 0, from_, ref):
                otp.send(from_, ("div", ("error", "division_by_zero")))
            case (op, a, b, from_, ref):
                otp.send(from_, (op, ("ok", compute(op, a, b))))
            case "stop":
                return
