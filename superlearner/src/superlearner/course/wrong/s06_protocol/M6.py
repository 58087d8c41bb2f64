from dataclasses import dataclass
from typing import Any

import otp


@dataclass(frozen=True)
class Request:
    tag: str
    body: Any
    sender: otp.Pid
    id: otp.Ref


@dataclass(frozen=True)
class Response:
    id: otp.Ref
    body: Any


def task(sender, action, params=()):
    return Request("task", (action, params), sender, otp.make_ref())


def query(sender, what):
    return Request("query", what, sender, otp.make_ref())


def respond(request, body):
    otp.send(request.sender, Response(request.id, body))


def answers(request, message):
    return isinstance(message, Response) and message.id == request.id
