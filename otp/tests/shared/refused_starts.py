"""Why a start was refused."""

from __future__ import annotations

from typing import Any

import pytest

from otp import StartError


async def refusal(operation: Any) -> Any:
    with pytest.raises(StartError) as failure:
        await operation
    return failure.value.reason
