"""Sandboxes: separate nodes in isolated programs, for code that may do anything.

`SandboxManager` is the service, `Sandboxes` the state that outlives it, `PeerLauncher` starts programs.
"""

from __future__ import annotations

from superlearner.sandbox.manager import MANAGER, RUNNERS, SandboxManager
from superlearner.sandbox.peers import PeerLauncher
from superlearner.sandbox.record import Sandbox
from superlearner.sandbox.sandboxes import Sandboxes

__all__ = ["MANAGER", "RUNNERS", "PeerLauncher", "Sandbox", "SandboxManager", "Sandboxes"]
