import otp


async def first(second):
    while True:
        match await otp.receive():
            case ("sum_squares", numbers, from_, ref):
                mine = otp.make_ref()
                otp.send(second, ("sum", [number * number for number in numbers], otp.self(), mine))
                _, total = await otp.receive(mine)
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
