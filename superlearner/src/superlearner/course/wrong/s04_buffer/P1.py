import asyncio

import otp


async def message_buffer(owner, size, seconds):
    while True:
        match await otp.receive():
            case ("add", item):
                items = (item,)
                await asyncio.sleep(seconds)
                while len(items) < size:
                    try:
                        _, item = await otp.receive(otp.Tag("add"), timeout=0)
                    except otp.ReceiveTimeout:
                        break
                    items += (item,)
                otp.send(owner, ("batch", items))
            case ("flush", from_, ref):
                otp.send(from_, (ref, 0))
            case "stop":
                return
