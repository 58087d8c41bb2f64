from otp import GenServer, NoReply, Ok, Reply, impl
from superlearner.agents.by_hand import Message
from superlearner.agents.by_hand.process_agent import next_id, result_of


class AgentServer(GenServer):
    @classmethod
    def child_spec(cls, arg=None, **options):
        return super().child_spec(arg, **({"id": (cls, parts_of(arg)[0]), "shutdown": 5} | options))

    @impl
    def init(self, arg):
        name, memory = parts_of(arg)
        return Ok({"name": name, "status": "idle", "memory": dict(memory), "inbox": [], "processed_count": 0})

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case "get_state":
                return Reply(state | {"memory": dict(state["memory"]), "inbox": list(state["inbox"])}, state)
            case "get_status":
                return Reply(state["status"], state)
            case ("recall", key):
                return Reply(state["memory"].get(key), state)
            case "inbox_count":
                return Reply(len(state["inbox"]), state)
            case "process_next" if not state["inbox"]:
                return Reply(("empty", None), state)
            case "process_next":
                message, *rest = state["inbox"]
                result = result_of(message)
                memory = state["memory"] | {"last_result": result}
                count = state["processed_count"] + 1
                new = state | {"memory": memory, "inbox": rest, "processed_count": count}
                return Reply(("processed", message, result), new)

    @impl
    def handle_cast(self, request, state):
        match request:
            case ("remember", key, value):
                return NoReply(state | {"memory": state["memory"] | {key: value}})
            case "forget_all":
                return NoReply(state | {"memory": {}})
            case ("send_task", action, params):
                return NoReply(state | {"inbox": [*state["inbox"], Message.task(next_id(), action, params)]})
            case ("receive_message", message):
                return NoReply(state | {"inbox": [*state["inbox"], message]})
            case _:
                return NoReply(state)

    @impl
    def handle_info(self, message, state):
        return NoReply(state)

    async def get_state(agent, timeout=5):
        return await GenServer.call(agent, "get_state", timeout)

    async def get_status(agent):
        return await GenServer.call(agent, "get_status")

    async def recall(agent, key):
        return await GenServer.call(agent, ("recall", key))

    async def inbox_count(agent):
        return await GenServer.call(agent, "inbox_count")

    async def process_next(agent):
        return await GenServer.call(agent, "process_next")

    def remember(agent, key, value):
        GenServer.cast(agent, ("remember", key, value))

    def forget_all(agent):
        GenServer.cast(agent, "forget_all")

    def send_task(agent, action, params=None):
        GenServer.cast(agent, ("send_task", action, params))

    def send_message(agent, message):
        GenServer.cast(agent, ("receive_message", message))


def parts_of(arg):
    if isinstance(arg, tuple):
        name, options = arg
        return name, options.get("memory") or {}
    return arg, {}
