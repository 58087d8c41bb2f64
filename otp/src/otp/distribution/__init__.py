"""Remote nodes: connections to other runtimes, and the signals sent over them.

Needs msgspec, the extra `remote`. Importing `otp` does not import this package.

>>> from otp.distribution import NodeId
>>> NodeId("shop@127.0.0.1", 1).name
'shop@127.0.0.1'

Source: Erlang's distribution (`net_kernel`, the *dist* channel between two nodes).
"""

from __future__ import annotations

from otp.distribution.declared import travels
from otp.distribution.distribution import Distribution
from otp.distribution.incarnations import IncarnationError, IncarnationFile, Incarnations
from otp.distribution.node_id import NodeId
from otp.distribution.session import Session
from otp.distribution.session_transport import SessionTransport
from otp.distribution.settings import TEACHING, Settings
from otp.distribution.transport import Transport, TransportEvents
from otp.distribution.view_link import ViewLink

__all__ = [
    "TEACHING",
    "Distribution",
    "IncarnationError",
    "IncarnationFile",
    "Incarnations",
    "NodeId",
    "Session",
    "SessionTransport",
    "Settings",
    "Transport",
    "TransportEvents",
    "ViewLink",
    "travels",
]
