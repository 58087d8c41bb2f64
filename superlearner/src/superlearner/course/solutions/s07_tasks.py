import otp


def result_of(action, params):
    match action:
        case "search":
            return ("ok", f"Search results for: {params['query']}")
        case "analyze":
            return ("ok", f"Analysis of: {params['data']}")
        case "summarize":
            return ("ok", params["text"][:50])
    return ("error", ("unknown_action", action))


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
            case ("receive_task", task):
                state["inbox"] += (task,)
            case ("inbox_count", from_, ref):
                otp.send(from_, (ref, len(state["inbox"])))
            case ("peek_task", from_, ref):
                otp.send(from_, (ref, state["inbox"][0] if state["inbox"] else None))
            case ("process_next", from_, ref) if not state["inbox"]:
                otp.send(from_, (ref, ("empty", None)))
            case ("process_next", from_, ref):
                (id, action, params), *rest = state["inbox"]
                result = result_of(action, params)
                state["inbox"] = tuple(rest)
                state["processed_count"] += 1
                state["memory"]["last_result"] = result
                otp.send(from_, (ref, ("processed", id, result)))
            case "stop":
                return
