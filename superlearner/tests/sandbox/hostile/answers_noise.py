"""Answers every question with noise."""

# answers: bad_answer

import superlearner.backend.server as backend
from otp import Children, Supervisor
from superlearner.nodes.remote.protocol import Executed

written = backend.written


def lie(answer):
    return b"\xff\x00\x9b" * 1000 if isinstance(answer, Executed) else written(answer)


def act():
    backend.written = lie


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
