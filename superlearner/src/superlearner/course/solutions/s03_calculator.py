import otp


def result(op, a, b):
    match op:
        case "add":
            return "ok", a + b
        case "sub":
            return "ok", a - b
        case "mul":
            return "ok", a * b
        case "div" if b == 0:
            return "error", "division_by_zero"
        case "div":
            return "ok", a / b
        case _:
            return "error", "unknown_operation"


async def calculator():
    while True:
        match await otp.receive():
            case (op, a, b, from_, ref):
                otp.send(from_, (ref, result(op, a, b)))
            case "stop":
                return
