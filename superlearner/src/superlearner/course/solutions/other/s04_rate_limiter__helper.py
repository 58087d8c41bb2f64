import asyncio

import otp


async def give_back(limiter):
    await asyncio.sleep(1)
    otp.send(limiter, "give back")


async def rate_limiter(n):
    free = n
    while (message := await otp.receive()) != "stop":
        match message:
            case "give back":
                free += 1
            case ("ask", from_, ref) if free:
                free -= 1
                otp.spawn(give_back, otp.self())
                otp.send(from_, (ref, "ok"))
            case ("ask", from_, ref):
                otp.send(from_, (ref, "rate_limited"))
