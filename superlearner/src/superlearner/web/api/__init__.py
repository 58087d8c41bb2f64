"""The routes under `/api/v1`."""

from __future__ import annotations

from fastapi import APIRouter

from superlearner.web.api import processes, supervisors, system

__all__ = ["router"]

router = APIRouter(prefix="/api/v1")
router.include_router(supervisors.router)
router.include_router(processes.router)
router.include_router(system.router)
