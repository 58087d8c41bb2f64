"""Answers with a million objects, and with half a letter in each name."""

# answers: bad_answer

import msgspec

import superlearner.backend.server as backend
from otp import Children, Supervisor
from superlearner.nodes.remote.protocol import Executed

written = backend.written


def lie(answer):
    if isinstance(answer, Executed):
        for name, value in msgspec.structs.asdict(answer).items():
            if isinstance(value, bytes):
                setattr(answer, name, b'{"data":[' + b'{"name":"\\ud800"},' * 200_000 + b"{}]}")
    return written(answer)


def act():
    backend.written = lie


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
