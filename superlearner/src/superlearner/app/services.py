"""The services of a platform, by the types that its operations name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from superlearner.base.telemetry import Telemetry
from superlearner.cluster.members import Members
from superlearner.course.course import Course
from superlearner.course.engine.checking import Checker
from superlearner.nodes.attaching import Attachments
from superlearner.nodes.nodes import Nodes
from superlearner.observing.events import EventLog
from superlearner.observing.logs import LogView
from superlearner.observing.tracing import Recordings, Traces
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.registry import Registry
from superlearner.operations.engine.seams import (
    ApiDocument,
    Evaluation,
    LivePages,
    Ownership,
    PlatformFacts,
    PlayedRecordings,
    PlaygroundTrees,
    Reach,
    RemoteHistory,
    RestartedChildren,
)
from superlearner.operations.engine.services import Services
from superlearner.operations.rights.accounts import Accounts
from superlearner.operations.rights.homes import Homes
from superlearner.operations.rights.quotas import Quotas
from superlearner.operations.rights.tokens import Tokens
from superlearner.sandbox import Sandboxes
from superlearner.settings.configuration import Configuration
from superlearner.settings.settings import Settings
from superlearner.store import Store
from superlearner.teaching.manual import Manual

if TYPE_CHECKING:
    from superlearner.app.running import Platform

__all__ = ["services_of"]


def services_of(platform: Platform) -> Services:
    """Return the services that operations can name; each is looked up when an operation runs."""
    services = Services()
    provide = services.provide
    provide(Accounts, lambda: platform.accounts)
    provide(ApiDocument, lambda: ApiDocument(platform.openapi))
    provide(Attachments, lambda: platform.attachments)
    provide(AuditLog, lambda: platform.audit)
    provide(Checker, lambda: platform.checker)
    provide(Configuration, lambda: platform.configuration)
    provide(Course, lambda: platform.course)
    provide(Evaluation, lambda: Evaluation(platform.evaluates))
    provide(EventLog, lambda: platform.events)
    provide(LivePages, lambda: platform.hubs)
    provide(LogView, lambda: platform.log)
    provide(Manual, lambda: platform.manual)
    provide(Members, lambda: platform.members)
    provide(Nodes, lambda: platform.nodes)
    provide(Homes, lambda: platform.homes)
    provide(Ownership, lambda: platform.owners)
    provide(PlatformFacts, lambda: _facts(platform))
    provide(PlayedRecordings, lambda: platform.replays)
    provide(PlaygroundTrees, lambda: _trees(platform))
    provide(Quotas, lambda: platform.quotas)
    provide(Reach, lambda: Reach(list(platform.addresses.urls), platform.addresses.note, platform.owner_code))
    provide(Recordings, lambda: platform.recordings)
    provide(Registry, lambda: platform.arsenal)
    provide(RemoteHistory, lambda: None if platform.own_program is None else platform.own_program.remembered)
    provide(RestartedChildren, lambda: platform.keeper)
    provide(Sandboxes, lambda: platform.sandboxes)
    provide(Services, lambda: services)
    provide(Settings, lambda: platform.configuration.current)
    provide(Store, lambda: platform.store)
    provide(Telemetry, lambda: platform.telemetry)
    provide(Tokens, lambda: platform.tokens)
    provide(Traces, lambda: platform.traces)
    return services


def _facts(platform: Platform) -> PlatformFacts:
    return PlatformFacts(platform.version, platform.started_at, platform.ready, platform.guard.gaps())


def _trees(platform: Platform) -> PlaygroundTrees:
    named = ((tree.name, tree.application) for tree in platform.trees)
    return PlaygroundTrees([(name, application) for name, application in named if application is not None])
