"""Refusals of pages and live feeds, for the audit log; operations record their own."""

from __future__ import annotations

from typing import Literal

from starlette.requests import HTTPConnection

from superlearner.control.terms import clip
from superlearner.operations.engine.audit import AuditLog
from superlearner.web.visitors import credential_kind_of, user_of

__all__ = ["record_refusal"]

LONGEST = 200


def record_refusal(audit: AuditLog, request: HTTPConnection, what: Literal["web.open", "web.live"], path: str) -> None:
    """Add an entry about a request that its user, who is known, lacks the scope for."""
    node = request.query_params.get("node")
    audit.record(
        user=user_of(request).name,
        door=credential_kind_of(request),
        claims="page",
        operation=what,
        parameters={"path": clip(path, LONGEST)},
        did=None,
        outcome="missing_scope",
        duration=0.0,
        node=None if node is None else clip(node, LONGEST),
    )
