import otp


def run(action, params):
    if action == "search":
        return ("ok", f"Search results for: {params['query']}")
    if action == "analyze":
        return ("ok", "Analysis of: " + str(params["data"]))
    if action == "summarize":
        return ("ok", "".join(list(params["text"])[0:50]))
    return ("error", ("unknown_action", action))


async def process_agent(name, memory=None):
    def worker(action, params):
        otp.send(me, ("result", run(action, params)))

    async def result_of(action, params):
        otp.spawn_link(worker, action, params)
        return (await otp.receive(otp.Tag("result")))[1]

    me = otp.self()
    memory, inbox, count = dict(memory or {}), [], 0
    while True:
        message = await otp.receive()
        match message:
            case ("get_state" | "get_status" | "inbox_count" | "peek_task" | "process_next" as question, from_, ref):
                if question == "get_state":
                    value = {"name": name, "status": "idle", "memory": memory | {}, "inbox": tuple(inbox)}
                    value["processed_count"] = count
                elif question == "get_status":
                    value = "idle"
                elif question == "inbox_count":
                    value = len(inbox)
                elif question == "peek_task":
                    value = next(iter(inbox), None)
                elif inbox:
                    task = inbox[0]
                    result = await result_of(task[1], task[2])
                    inbox, count = inbox[1:], count + 1
                    memory = {**memory, "last_result": result}
                    value = ("processed", task[0], result)
                else:
                    value = ("empty", None)
                otp.send(from_, (ref, value))
            case ("recall", key, from_, ref):
                otp.send(from_, (ref, memory.get(key)))
            case ("remember", key, value):
                memory = {**memory, key: value}
            case "forget_all":
                memory = {}
            case ("receive_task", task):
                inbox = [*inbox, task]
            case "stop":
                break
