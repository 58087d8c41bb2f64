import asyncio

import otp


async def rate_limiter(n):
    allowed = []
    while True:
        match await otp.receive():
            case ("ask", from_, ref):
                allowed = [when for when in allowed if when > otp.monotonic() - 1]
                if len(allowed) == n:
                    await asyncio.sleep(allowed[0] + 1 - otp.monotonic())
                allowed.append(otp.monotonic())
                otp.send(from_, (ref, "ok"))
            case "stop":
                return
