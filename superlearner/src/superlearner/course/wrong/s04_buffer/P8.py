import otp


async def message_buffer(owner, size, seconds):
    items = []
    timer = None

    def flush():
        nonlocal timer
        count = len(items)
        if items:
            otp.send(owner, ("batch", tuple(items)))
            items.clear()
        timer = None
        return count

    while True:
        match await otp.receive():
            case ("add", item):
                items.append(item)
                if len(items) == size:
                    flush()
                elif timer is None:
                    timer = otp.start_timer(seconds, otp.self(), "due")
            case otp.TimerFired(_):
                flush()
            case ("flush", from_, ref):
                otp.send(from_, (ref, flush()))
            case "stop":
                flush()
                return
