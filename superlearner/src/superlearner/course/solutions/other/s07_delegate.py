from collections import deque

import otp

ACTIONS = {
    "search": lambda params: f"Search results for: {params['query']}",
    "analyze": lambda params: f"Analysis of: {params['data']}",
    "summarize": lambda params: params["text"][:50],
}


class Agent:
    def __init__(self, name, memory):
        self.name = name
        self.memory = memory
        self.inbox = deque()
        self.count = 0

    def get_state(self):
        return {
            "name": self.name,
            "status": "idle",
            "memory": dict(self.memory),
            "inbox": tuple(self.inbox),
            "processed_count": self.count,
        }

    def get_status(self):
        return "idle"

    def recall(self, key):
        return self.memory.get(key)

    def inbox_count(self):
        return len(self.inbox)

    def peek_task(self):
        return self.inbox[0] if self.inbox else None

    def process_next(self):
        if not self.inbox:
            return ("empty", None)
        id, action, params = self.inbox.popleft()
        known = ACTIONS.get(action)
        result = ("ok", known(params)) if known else ("error", ("unknown_action", action))
        self.count += 1
        self.memory["last_result"] = result
        return ("processed", id, result)


QUESTIONS = {"get_state": 0, "get_status": 0, "recall": 1, "inbox_count": 0, "peek_task": 0, "process_next": 0}


async def process_agent(name, memory=None):
    agent = Agent(name, dict(memory) if memory else {})
    otp.register(name, otp.self())
    while True:
        match await otp.receive():
            case "stop":
                return
            case "forget_all":
                agent.memory = {}
            case ("remember", key, value):
                agent.memory[key] = value
            case ("receive_task", task):
                agent.inbox.append(task)
            case ("delegate", target, action, params, from_, ref):
                id = otp.make_ref()
                try:
                    otp.send(target, ("receive_task", (id, action, params)))
                except otp.BadArgument:
                    otp.send(from_, (ref, ("error", ("agent_not_found", target))))
                else:
                    otp.send(from_, (ref, ("delegated", target, id)))
            case ("crash", reason):
                raise otp.Exit(reason)
            case (str(tag), *arguments, from_, ref) if QUESTIONS.get(tag) == len(arguments):
                otp.send(from_, (ref, getattr(agent, tag)(*arguments)))
