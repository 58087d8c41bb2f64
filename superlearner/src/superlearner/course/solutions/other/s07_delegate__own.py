import otp


def run(action, params):
    if action == "search":
        return ("ok", f"Search results for: {params['query']}")
    if action == "analyze":
        return ("ok", f"Analysis of: {params['data']}")
    if action == "summarize":
        return ("ok", params["text"][:50])
    return ("error", ("unknown_action", action))


def pass_on(target, task, from_, ref):
    try:
        otp.send(target, ("receive_task", task))
    except otp.BadArgument:
        otp.send(from_, (ref, ("error", ("agent_not_found", target))))
    else:
        otp.send(from_, (ref, ("delegated", target, task[0])))


async def process_agent(name, memory=None):
    otp.register(name, otp.self())
    memory, inbox, count = dict(memory or {}), [], 0

    def process_next():
        nonlocal count
        if not inbox:
            return ("empty", None)
        id, action, params = inbox.pop(0)
        memory["last_result"] = run(action, params)
        count += 1
        return ("processed", id, memory["last_result"])

    def state():
        shown = {"name": name, "status": "idle", "memory": memory.copy()}
        return {**shown, "inbox": tuple(inbox), "processed_count": count}

    questions = {
        "get_state": state,
        "get_status": lambda: "idle",
        "inbox_count": lambda: len(inbox),
        "peek_task": lambda: inbox[0] if inbox else None,
        "process_next": process_next,
    }
    while True:
        match await otp.receive():
            case "stop":
                return
            case "forget_all":
                memory.clear()
            case ("remember", key, value):
                memory[key] = value
            case ("recall", key, from_, ref):
                otp.send(from_, (ref, memory.get(key)))
            case ("receive_task", task):
                inbox.append(task)
            case ("delegate", target, action, params, from_, ref) if target == name:
                inbox.append((otp.make_ref(), action, params))
                otp.send(from_, (ref, ("delegated", name, inbox[-1][0])))
            case ("delegate", target, action, params, from_, ref):
                otp.spawn(pass_on, target, (otp.make_ref(), action, params), from_, ref)
            case ("crash", reason):
                otp.exit(reason)
            case (str(question), from_, ref) if question in questions:
                otp.send(from_, (ref, questions[question]()))
