from dataclasses import dataclass, field, replace

from otp import GenServer, NoReply, Ok, Reply, impl
from superlearner.agents.by_hand import Message


@dataclass(frozen=True)
class State:
    name: str
    status: str = "idle"
    memory: dict = field(default_factory=dict)
    inbox: list = field(default_factory=list)
    processed_count: int = 0

    def shown(self):
        return {
            "name": self.name,
            "status": self.status,
            "memory": dict(self.memory),
            "inbox": list(self.inbox),
            "processed_count": self.processed_count,
        }

    def remember(self, key, value):
        return replace(self, memory={**self.memory, key: value})

    def receive(self, message):
        return replace(self, inbox=[*self.inbox, message])

    def process(self):
        if not self.inbox:
            return ("empty", None), self
        message = self.inbox[0]
        result = work(message)
        done = replace(
            self.remember("last_result", result), inbox=self.inbox[1:], processed_count=self.processed_count + 1
        )
        return ("processed", message, result), done


def work(message):
    if message.type == "response":
        return ("received_response", message.payload)
    if message.type == "error":
        return ("received_error", message.payload)
    if message.type != "task":
        return ("error", ("invalid_message", message))
    action, params = message.payload["action"], message.payload["params"]
    if action == "search":
        return ("ok", f"Search results for: {params['query']}")
    if action == "analyze":
        return ("ok", f"Analysis of: {params['data']}")
    if action == "summarize":
        return ("ok", params["text"][:50])
    return ("error", ("unknown_action", action))


class AgentServer(GenServer):
    @classmethod
    def child_spec(cls, arg=None, **options):
        name = arg if isinstance(arg, str) else arg[0]
        return super().child_spec(arg, id=(AgentServer, name), restart="permanent", shutdown=5, **options)

    @impl
    def init(self, arg):
        if isinstance(arg, str):
            return Ok(State(arg))
        name, options = arg
        return Ok(State(name, memory=dict(options["memory"])))

    @impl
    def handle_call(self, question, caller, state):
        value, state = question(state)
        return Reply(value, state)

    @impl
    def handle_cast(self, change, state):
        return NoReply(change(state) if callable(change) else state)

    @impl
    def handle_info(self, message, state):
        return NoReply(state)

    def get_state(agent, timeout=5):
        return GenServer.call(agent, lambda state: (state.shown(), state), timeout)

    def get_status(agent):
        return GenServer.call(agent, lambda state: (state.status, state))

    def recall(agent, key):
        return GenServer.call(agent, lambda state: (state.memory.get(key), state))

    def inbox_count(agent):
        return GenServer.call(agent, lambda state: (len(state.inbox), state))

    def process_next(agent):
        return GenServer.call(agent, State.process)

    def remember(agent, key, value):
        GenServer.cast(agent, lambda state: state.remember(key, value))

    def forget_all(agent):
        GenServer.cast(agent, lambda state: replace(state, memory={}))

    def send_task(agent, action, params=None):
        GenServer.cast(agent, lambda state: state.receive(Message.task(len(state.inbox), action, params)))

    def send_message(agent, message):
        GenServer.cast(agent, lambda state: state.receive(message))
