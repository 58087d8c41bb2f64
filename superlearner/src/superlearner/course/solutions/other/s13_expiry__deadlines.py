import otp
from otp import GenServer, NoReply, Ok, Reply, impl


class ExpiringCache(GenServer):
    @impl
    def init(self, ttl):
        return Ok({"ttl": ttl, "values": {}, "until": {}})

    @impl
    def handle_call(self, request, caller, state):
        sweep(state)
        match request:
            case ["get", key]:
                return Reply(state["values"].get(key), state)
            case ["size"]:
                return Reply(len(state["values"]), state)

    @impl
    def handle_cast(self, request, state):
        key, value = request
        state["values"][key] = value
        state["until"][key] = otp.monotonic() + state["ttl"]
        otp.send_after(state["ttl"], otp.self(), "sweep")
        return NoReply(state)

    @impl
    def handle_info(self, message, state):
        sweep(state)
        return NoReply(state)

    def get(cache, key):
        return GenServer.call(cache, ["get", key])

    def size(cache):
        return GenServer.call(cache, ["size"])

    def put(cache, key, value):
        GenServer.cast(cache, [key, value])


def sweep(state):
    now = otp.monotonic()
    for key in [key for key, until in state["until"].items() if until <= now]:
        del state["values"][key], state["until"][key]
