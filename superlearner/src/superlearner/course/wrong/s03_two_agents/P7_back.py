import otp


async def first(second):
    while True:
        match await otp.receive():
            case ("sum_squares", numbers, from_, ref):
                otp.send(second, ("sum", [number * number for number in numbers], otp.self(), (from_, ref)))
            case ((from_, ref), total):
                otp.send(from_, (ref, total))
            case "stop":
                return


async def second():
    while True:
        match await otp.receive():
            case ("sum", squares, from_, ref):
                otp.send(from_, (ref, sum(squares)))
            case "stop":
                return
