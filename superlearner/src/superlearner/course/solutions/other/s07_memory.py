import copy

import otp


class ProcessAgent:
    def __init__(self, name, memory):
        self.name = name
        self.status = "idle"
        self.memory = {**memory}
        self.inbox = []
        self.processed_count = 0

    def state(self):
        return {**copy.deepcopy(vars(self)), "inbox": tuple(self.inbox)}

    def answer_to(self, question):
        match question:
            case ("get_state",):
                return self.state()
            case ("get_status",):
                return self.status
            case ("recall", key):
                return self.memory.get(key)
        return otp

    async def run(self):
        while (message := await otp.receive()) != "stop":
            match message:
                case ("remember", key, value):
                    self.memory[key] = value
                case "forget_all":
                    self.memory.clear()
                case (*question, otp.Pid() as from_, otp.Ref() as ref):
                    answer = self.answer_to(tuple(question))
                    if answer is not otp:
                        otp.send(from_, (ref, answer))


def process_agent(name, memory=None):
    return ProcessAgent(name, memory or {}).run()
