import otp
from otp import GenServer, NoReply, Ok, Reply, impl


class ExpiringCache(GenServer):
    @impl
    def init(self, ttl):
        return Ok((ttl, {}, {}))

    @impl
    def handle_call(self, request, caller, state):
        _, values, _ = state
        if request == "size":
            return Reply(len(values), state)
        return Reply(values.get(request[1]), state)

    @impl
    def handle_cast(self, request, state):
        ttl, values, timers = state
        _, key, value = request
        if key in timers:
            otp.cancel_timer(timers[key])
        timer = otp.send_after(ttl, otp.self(), ("expired", key))
        return NoReply((ttl, values | {key: value}, timers | {key: timer}))

    @impl
    def handle_info(self, message, state):
        _, values, timers = state
        _, key = message
        del values[key], timers[key]
        return NoReply(state)

    async def get(cache, key):
        return await GenServer.call(cache, ("get", key))

    async def size(cache):
        return await GenServer.call(cache, "size")

    def put(cache, key, value):
        GenServer.cast(cache, ("put", key, value))
