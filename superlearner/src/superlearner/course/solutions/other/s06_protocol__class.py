import uuid

import otp


class Message:
    def __init__(self, tag, body, sender, id):
        self.tag = tag
        self.body = body
        self.sender = sender
        self.id = id


def request(tag, sender, body):
    return Message(tag, body, sender, uuid.uuid4().hex)


def task(sender, action, params=()):
    return request("task", sender, (action, tuple(params)))


def query(sender, what):
    return request("query", sender, what)


def respond(asked, body):
    otp.send(asked.sender, Message("response", body, otp.self(), asked.id))


def answers(asked, message):
    if getattr(message, "tag", None) != "response":
        return False
    return message.id == asked.id
