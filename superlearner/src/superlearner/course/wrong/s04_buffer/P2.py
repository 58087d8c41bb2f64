import otp


async def message_buffer(owner, size, seconds):
    items = ()

    def send_batch():
        if items:
            otp.send(owner, ("batch", items))

    while True:
        left = seconds if items else None
        try:
            message = await otp.receive(timeout=left)
        except otp.ReceiveTimeout:
            message = "due"
        match message:
            case ("add", item):
                items = (*items, item)
                if len(items) < size:
                    continue
            case ("flush", from_, ref):
                otp.send(from_, (ref, len(items)))
            case "due":
                pass
            case "stop":
                send_batch()
                return
            case _:
                continue
        send_batch()
        items = ()
