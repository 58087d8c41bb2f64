import time

import otp


async def worker():
    while True:
        match await otp.receive():
            case ("work", seconds, from_, ref):
                time.sleep(seconds)
                otp.send(from_, (ref, "done"))
            case "stop":
                return
