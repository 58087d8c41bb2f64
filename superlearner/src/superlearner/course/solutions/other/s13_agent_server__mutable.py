import copy
import itertools

from otp import GenServer, NoReply, Ok, Reply, impl
from superlearner.agents.by_hand import Message
from superlearner.agents.by_hand.process_agent import result_of

ids = itertools.count(1)


class AgentServer(GenServer):
    @classmethod
    def child_spec(cls, arg=None, **options):
        name = arg[0] if type(arg) is tuple else arg
        return super().child_spec(arg, **{"id": (cls, name), **options})

    @impl
    def init(self, arg):
        name, options = arg if type(arg) is tuple else (arg, {})
        memory = dict(options.get("memory", {}))
        return Ok({"name": name, "status": "idle", "memory": memory, "inbox": [], "processed_count": 0})

    @impl
    def handle_call(self, request, caller, state):
        if request == "get_state":
            answer = copy.deepcopy(state)
        elif request == "get_status":
            answer = state["status"]
        elif request == "inbox_count":
            answer = len(state["inbox"])
        elif request == "process_next":
            answer = process(state)
        else:
            answer = state["memory"].get(request[1])
        return Reply(answer, state)

    @impl
    def handle_cast(self, request, state):
        try:
            getattr(self, "do_" + request[0])(state, *request[1:])
        except Exception:
            pass
        return NoReply(state)

    def do_remember(self, state, key, value):
        state["memory"][key] = value

    def do_forget_all(self, state):
        state["memory"].clear()

    def do_message(self, state, message):
        state["inbox"].append(message)

    @impl
    def handle_info(self, message, state):
        return NoReply(state)

    @staticmethod
    async def get_state(agent, timeout=5):
        return await GenServer.call(agent, "get_state", timeout)

    @staticmethod
    async def get_status(agent):
        return await GenServer.call(agent, "get_status")

    @staticmethod
    async def recall(agent, key):
        return await GenServer.call(agent, ("recall", key))

    @staticmethod
    async def inbox_count(agent):
        return await GenServer.call(agent, "inbox_count")

    @staticmethod
    async def process_next(agent):
        return await GenServer.call(agent, "process_next")

    @staticmethod
    def remember(agent, key, value):
        GenServer.cast(agent, ("remember", key, value))

    @staticmethod
    def forget_all(agent):
        GenServer.cast(agent, ("forget_all",))

    @staticmethod
    def send_task(agent, action, params=None):
        GenServer.cast(agent, ("message", Message.task(next(ids), action, params)))

    @staticmethod
    def send_message(agent, message):
        GenServer.cast(agent, ("message", message))


def process(state):
    if not state["inbox"]:
        return "empty", None
    message = state["inbox"].pop(0)
    result = result_of(message)
    state["memory"]["last_result"] = result
    state["processed_count"] += 1
    return "processed", message, result
