"""Storage of what outlives the program: history, audit log, recordings, tokens.

The platform owns one `Store`, which all parts write to and read from; `StoreService` is the process that writes for it.
`migrate(url)` and `database_info(url)` block; they are for the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from superlearner.store.failures import NameTaken, NotOfThisDatabase, StoreUnavailable
from superlearner.store.pruning import RowRetention
from superlearner.store.rows import (
    AuditRow,
    MomentRow,
    Recording,
    Restart,
    SettingChange,
    SignInLink,
    Token,
    UserRow,
    naming,
)
from superlearner.store.service import STORE, StoreService
from superlearner.store.status import StoreState, StoreStatus
from superlearner.store.store import Store
from superlearner.store.upkeep import Upkeep, Written

if TYPE_CHECKING:
    from superlearner.store.opening import DatabaseInfo, database_info, migrate

__all__ = [
    "STORE",
    "AuditRow",
    "DatabaseInfo",
    "MomentRow",
    "NameTaken",
    "NotOfThisDatabase",
    "Recording",
    "Restart",
    "RowRetention",
    "SettingChange",
    "SignInLink",
    "Store",
    "StoreService",
    "StoreState",
    "StoreStatus",
    "StoreUnavailable",
    "Token",
    "Upkeep",
    "UserRow",
    "naming",
    "Written",
    "database_info",
    "migrate",
]


def __getattr__(name: str) -> Any:
    """Import names that need SQLAlchemy on first use: that takes a fifth of a second."""
    if name in ("DatabaseInfo", "database_info", "migrate"):
        from superlearner.store import opening

        return getattr(opening, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
