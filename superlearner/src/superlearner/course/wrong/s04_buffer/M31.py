import otp


async def message_buffer(owner, size, seconds):
    items, deadline = (), None

    def send_batch():
        if items:
            otp.send(owner, ("batch", items))

    while True:
        left = None if deadline is None else max(0, deadline - otp.monotonic())
        try:
            message = await otp.receive(timeout=left)
        except otp.ReceiveTimeout:
            message = "due"
        match message:
            case ("add", item):
                items = (*items, item)
                if len(items) == 1:
                    deadline = otp.monotonic() + seconds
                if len(items) < size:
                    continue
            case ("flush", from_, ref):
                if items:
                    otp.send(from_, (ref, len(items)))
            case "due" if deadline is not None and otp.monotonic() >= deadline:
                pass
            case "stop":
                send_batch()
                return
            case _:
                continue
        send_batch()
        items, deadline = (), None
