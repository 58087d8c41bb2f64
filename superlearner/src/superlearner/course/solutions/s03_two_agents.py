import otp


async def first(second):
    while True:
        match await otp.receive():
            case ("sum_squares", numbers, from_, ref):
                squares = [number * number for number in numbers]
                otp.send(second, ("sum", squares, from_, ref))
            case "stop":
                return


async def second():
    while True:
        match await otp.receive():
            case ("sum", squares, from_, ref):
                otp.send(from_, (ref, sum(squares)))
            case "stop":
                return
