import otp


async def first(second):
    while (message := await otp.receive()) != "stop":
        match message:
            case ("sum_squares", numbers, from_, ref):
                otp.send(second, {"numbers": numbers, "to": from_, "ref": ref})


async def second():
    while (message := await otp.receive()) != "stop":
        match message:
            case {"numbers": numbers, "to": to, "ref": ref}:
                total = 0
                for number in numbers:
                    total += number**2
                otp.send(to, (ref, total))
