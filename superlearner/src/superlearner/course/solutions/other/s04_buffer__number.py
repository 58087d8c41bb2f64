import otp


async def message_buffer(owner, size, seconds):
    items, batch = (), 0
    while True:
        full = False
        match await otp.receive():
            case ("add", item):
                if not items:
                    otp.send_after(seconds, otp.self(), ("due", batch))
                items += (item,)
                full = len(items) == size
            case ("due", number):
                full = number == batch
            case ("flush", from_, ref):
                otp.send(from_, (ref, len(items)))
                full = True
            case "stop":
                if items:
                    otp.send(owner, ("batch", items))
                return
        if full:
            if items:
                otp.send(owner, ("batch", items))
            items, batch = (), batch + 1
