import operator

import otp

OPERATIONS = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv}


async def calculator():
    message = None
    while message != "stop":
        message = await otp.receive()
        if not isinstance(message, tuple) or len(message) != 5:
            continue
        op, a, b, from_, ref = message
        try:
            answer = ("ok", OPERATIONS[op](a, b))
        except KeyError:
            answer = ("error", "unknown_operation")
        except ZeroDivisionError:
            answer = ("error", "division_by_zero")
        otp.send(from_, (ref, answer))
