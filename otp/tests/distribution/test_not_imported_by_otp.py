"""The distribution is an extra: who uses `otp` alone neither pays for it nor needs what it needs."""

from __future__ import annotations

import subprocess
import sys


def test_importing_otp_imports_neither_the_distribution_nor_msgspec() -> None:
    packages = ("otp.distribution", "otp.cluster", "msgspec")
    program = f"import sys, otp, otp.testing; print([m for m in sys.modules if m.startswith({packages})])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "[]" == done.stdout.strip()
