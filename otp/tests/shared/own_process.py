"""What the process of a test reads of itself, to see that nothing was left behind."""

from __future__ import annotations

from typing import Any

import otp


def messages() -> tuple[Any, ...]:
    return otp.process_info(otp.self(), "messages")


def links(pid: Any = None) -> tuple[Any, ...]:
    return otp.process_info(pid or otp.self(), "links")
