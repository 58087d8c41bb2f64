"""Attached services: other programs that opened a door with `otp.observe`."""

from __future__ import annotations

from superlearner.nodes.attaching.attachment import ON_REQUEST, STOPPED, Attachment, ServiceChange
from superlearner.nodes.attaching.attachments import AlreadyAttached, Attachments, TooManyServices
from superlearner.nodes.attaching.known_services import KnownServices
from superlearner.nodes.attaching.whereabouts import SeveralDoors

__all__ = ["ON_REQUEST", "STOPPED", "AlreadyAttached", "Attachment", "Attachments", "KnownServices", "ServiceChange",
           "SeveralDoors", "TooManyServices"]  # fmt: skip
