"""Services that run elsewhere on this machine, or at an address, and have a door: see `otp.observe`."""

from __future__ import annotations

from superlearner.attaching.attachment import Attachment
from superlearner.attaching.attachments import Attachments, NameTaken

__all__ = ["Attachment", "Attachments", "NameTaken"]
