import otp


async def first(second):
    while True:
        match await otp.receive():
            case ("sum_squares", numbers, from_, ref):
                otp.send(second, ("sum", [number * number for number in numbers], from_, ref))
            case "stop":
                return


async def second():
    match await otp.receive():
        case ("sum", squares, from_, ref):
            otp.send(from_, (ref, sum(squares)))
