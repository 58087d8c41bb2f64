import otp


async def message_buffer(owner, size, seconds):
    items = ()
    while True:
        full = False
        match await otp.receive():
            case ("add", item):
                if not items:
                    otp.send_after(seconds, otp.self(), "due")
                items += (item,)
                full = len(items) == size
            case "due":
                full = True
            case ("flush", from_, ref):
                otp.send(from_, (ref, len(items)))
                full = True
            case "stop":
                if items:
                    otp.send(owner, ("batch", items))
                return
        if full and items:
            otp.send(owner, ("batch", items))
            items = ()
