"""Services that run elsewhere on this machine, or at an address, and have a door: see `otp.observe`."""

from __future__ import annotations

from superlearner.nodes.attaching.attachment import Attachment
from superlearner.nodes.attaching.attachments import Attachments, NameTaken

__all__ = ["Attachment", "Attachments", "NameTaken"]
