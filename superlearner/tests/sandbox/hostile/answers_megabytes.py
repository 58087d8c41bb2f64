"""Answers every question with four megabytes of nothing."""

# answers: bad_answer

import superlearner.backend.server as backend
from otp import Children, Supervisor
from superlearner.nodes.remote.protocol import Executed

written = backend.written


def lie(answer):
    return b"\x91" * 3_900_000 if isinstance(answer, Executed) else written(answer)


def act():
    backend.written = lie


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
