"""Operation errors: a stable code, the problem, and what to try.

Each code has one HTTP status; the command line derives its exit code from the same table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["CODES", "Detail", "OperationError"]

CODES: Final[dict[str, int]] = {
    "malformed_json": 400,
    "malformed_pid": 400,
    "malformed_request": 400,
    "unauthorized": 401,
    "critical_process_protection": 403,
    "eval_not_allowed": 403,
    "foreign_origin": 403,
    "host_not_allowed": 403,
    "missing_scope": 403,
    "sensitive_process": 403,
    "application_not_found": 404,
    "backup_not_found": 404,
    "child_not_found": 404,
    "course_item_not_found": 404,
    "module_not_found": 404,
    "name_not_found": 404,
    "node_not_found": 404,
    "operation_not_found": 404,
    "page_not_found": 404,
    "place_not_found": 404,
    "process_not_found": 404,
    "recording_not_found": 404,
    "registry_not_found": 404,
    "restart_not_found": 404,
    "restart_not_kept": 410,
    "sandbox_not_found": 404,
    "setting_not_found": 404,
    "source_not_found": 404,
    "supervisor_not_found": 404,
    "token_not_found": 404,
    "trace_not_found": 404,
    "user_not_found": 404,
    "method_not_allowed": 405,
    "already_started": 409,
    "already_tracing": 409,
    "conflict": 409,
    "lease_unavailable": 409,
    "name_taken": 409,
    "not_yet": 409,
    "quota_exceeded": 409,
    "restart_needed": 409,
    "sandbox_already_exists": 409,
    "sandbox_busy": 409,
    "start_failed": 409,
    "upgrade_refused": 409,
    "request_timeout": 408,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "call_failed": 422,
    "eval_failed": 422,
    "not_a_server": 422,
    "validation_error": 422,
    "rate_limited": 429,
    "head_too_large": 431,
    "internal_error": 500,
    "bad_answer": 502,
    "node_unavailable": 503,
    "service_unavailable": 503,
    "store_unavailable": 503,
    "timeout": 504,
}
"""The HTTP status of each code. An operation declares the codes that are specific to it."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A problem: its field if it is in one, a description, and what to try."""

    field: str | None
    problem: str
    hint: str | None = None


class OperationError(Exception):
    """An error of an operation that the caller can act on.

    >>> OperationError("process_not_found", "there is no process 0.9.0").status
    404
    """

    def __init__(self, code: str, message: str, *, details: Sequence[Detail] = (), hint: str | None = None) -> None:
        super().__init__(message)
        if code not in CODES:
            raise ValueError(f"expected one of the codes in superlearner.operations.failures, got {code!r}")
        self.code = code
        self.message = message
        self.details = tuple(details) if hint is None else (*details, Detail(None, message, hint))

    @property
    def status(self) -> int:
        """The HTTP status that belongs to the code."""
        return CODES[self.code]
