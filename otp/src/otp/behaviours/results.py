"""The results of callbacks: `Ok`, `Reply`, `NoReply`, `Stop`, `Ignore`, `Continue`."""

from __future__ import annotations

from otp.kernel.results import ABSENT, Continue, Ignore, NoReply, Ok, Reply, Result, Stop

__all__ = ["ABSENT", "Continue", "Ignore", "NoReply", "Ok", "Reply", "Result", "Stop"]
