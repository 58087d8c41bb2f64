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
            case (op, a, b, from_, ref):
                if op in ("add", "sub", "mul", "div"):
                    otp.send(from_, (ref, ("ok", compute(op, a, b))))
                else:
                    otp.send(from_, (ref, ("error", "unknown_operation")))
            case "stop":
                return
