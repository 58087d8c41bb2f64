"""Has a name, a state and an end that steer terminals, cannot be compared, and cannot be shown."""

# answers: ok

import asyncio

import otp
from otp import Children, GenServer, Ok, Supervisor

STEERS = "\x1b[2J\x1b]0;owned\x07\u202e\ud800\n<script>alert(1)</script>"


class Evil:
    def __repr__(self):
        raise SystemExit(STEERS)

    def __eq__(self, other):
        raise KeyboardInterrupt

    __hash__ = None


class Server(GenServer):
    def init(self, arg):
        return Ok({STEERS: Evil()})

    def handle_info(self, message, state):
        raise ValueError(STEERS)


class Main(Supervisor):
    def init(self, config):
        print(STEERS.encode("utf-8", "replace").decode())
        node = otp.node()
        asyncio.get_running_loop().call_later(0.3, lambda: otp.send(node.whereis(STEERS), Evil()))
        return Children([Server.child_spec(0, id=STEERS, name=STEERS)])
