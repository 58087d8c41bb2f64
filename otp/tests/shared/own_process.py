"""Readings of the test's own process, to check that nothing was left behind."""

from __future__ import annotations

from typing import Any

import otp


def messages() -> tuple[Any, ...]:
    return otp.process_info(otp.self(), "messages")


def links(pid: Any = None) -> tuple[Any, ...]:
    return otp.process_info(pid or otp.self(), "links")
