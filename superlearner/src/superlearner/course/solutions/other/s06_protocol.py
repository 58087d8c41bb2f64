import itertools
from typing import Any, NamedTuple

import otp

numbers = itertools.count(1)


class Request(NamedTuple):
    tag: str
    body: Any
    sender: otp.Pid
    id: int


class Response(NamedTuple):
    tag: str
    id: int
    body: Any


def task(sender, action, params=()):
    return Request("task", (action, tuple(params)), sender, next(numbers))


def query(sender, what):
    return Request("query", what, sender, next(numbers))


def respond(request, body):
    otp.send(request.sender, Response("response", request.id, body))


def answers(request, message):
    match message:
        case Response(id=number):
            return number == request.id
        case _:
            return False
