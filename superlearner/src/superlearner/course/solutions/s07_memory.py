import otp


async def process_agent(name, memory=None):
    state = {"name": name, "status": "idle", "memory": dict(memory or {}), "inbox": (), "processed_count": 0}
    while True:
        match await otp.receive():
            case ("get_state", from_, ref):
                otp.send(from_, (ref, state | {"memory": dict(state["memory"])}))
            case ("get_status", from_, ref):
                otp.send(from_, (ref, state["status"]))
            case ("remember", key, value):
                state["memory"][key] = value
            case "forget_all":
                state["memory"] = {}
            case ("recall", key, from_, ref):
                otp.send(from_, (ref, state["memory"].get(key)))
            case "stop":
                return
