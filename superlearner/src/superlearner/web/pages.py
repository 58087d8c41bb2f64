"""The pages, as shells that the live feed and the API fill; static files."""

from __future__ import annotations

import asyncio
import mimetypes
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from superlearner.control.terms import safe_text
from superlearner.course.course import Course, UnknownItem
from superlearner.nodes.nodes import Absence
from superlearner.operations.builtin.restart_lines import MOST_FOLDED, describe_with_reason
from superlearner.operations.builtin.restart_loops import ANOMALY, beginning, fold, is_incident
from superlearner.operations.builtin.restarts import SAME_S
from superlearner.operations.context import Context
from superlearner.operations.rights.homes import home_node
from superlearner.operations.rights.ownership import is_refused, node_names, seen_node
from superlearner.operations.rights.users import ANONYMOUS, Scope
from superlearner.restarts.ids import Ref
from superlearner.store import MomentRow
from superlearner.web.addresses import reaching
from superlearner.web.api_pages import install_api_docs
from superlearner.web.docs_pages import install_docs
from superlearner.web.errors import ApiError
from superlearner.web.page_templates import FILES, render_page
from superlearner.web.refusals import record_refusal
from superlearner.web.static_files import OwnFiles
from superlearner.web.visitors import dead_link_of, is_signed_in, user_of

if TYPE_CHECKING:
    from superlearner.operations.rights.users import User
    from superlearner.sandbox import Sandbox
    from superlearner.web.platform import Platform, Readiness

__all__ = ["PAGES", "START", "find_similar", "install", "is_of_own"]

START: Final = "start"
CLUSTER: Final = "cluster"
LEARN: Final = "learn"
LESSON: Final = "lesson"
CLASS: Final = "class"
NEAR: Final = 3


class Page(NamedTuple):
    """A page; its template is `<id>.html`, which names its scripts."""

    id: str
    label: str
    title: str
    live: bool = False
    """True if it has a live feed; the header then shows the feed's state."""

    own_routes: bool = False
    """True if another module serves it and the pages below it."""

    place: str = ""
    """The place of the main navigation that it belongs to, by the id of its page; for a place, its own id."""

    of_platform: bool = False
    """True if it is about the platform, so the chosen node may be gone."""

    of_own: bool = True
    """True if users with nothing but the scope `own` may open it."""

    letter: str = ""
    """The key that opens it after `g`; that of the start page is in the template, beside its logo."""

    below: str = ""
    """The path of one of its things, if it shows only such; no menu lists it."""

    view: str = ""
    """The view of its place that it is, in the parameter `view`; the address of its own leads there."""

    tab: str = ""
    """Its name in the row of views below the header, if its place has one."""

    at: str = ""
    """Its address, if that is not its id."""

    route: str = ""
    """The pattern of the addresses of all pages like it, if it is one of several."""

    @property
    def is_place(self) -> bool:
        """Return whether it is one of the places of the main navigation; the menu has the other pages."""
        return self.place == self.id

    @property
    def path(self) -> str:
        """Return its path, below the root path."""
        return "/" if self.id == START else self.at or f"/{self.place if self.view else self.id}"

    @property
    def href(self) -> str:
        """Return its address, below the root path."""
        return f"{self.path}?view={self.view}" if self.view else self.path


PAGES: Final = (
    Page(START, "Start", "Start", live=True),
    Page("supervisors", "Tree", "Supervision tree", live=True, place="supervisors", letter="s"),
    Page("timeline", "Timeline", "Timeline", live=True, place="timeline", letter="i", tab="Events"),
    Page("sandboxes", "Playground", "Playground", place="sandboxes", of_platform=True, letter="x"),
    Page(LEARN, "Learn", "Learning path", place="learn", of_platform=True, letter="l"),
    Page("system", "System", "System", live=True, place="system", letter="y"),
    Page("processes", "Processes", "Processes", live=True, place="supervisors", letter="p", view="table"),
    Page("traces", "Messages", "Messages", live=True, place="timeline", letter="t", view="messages", tab="Messages"),
    Page("replay", "Replay", "Replay", place="timeline", letter="r", view="replay", tab="Replay"),
    Page("why", "Restart", "Restart", place="timeline", below="/{event}"),
    Page("predict", "Predict", "Predict", place="learn", of_platform=True, letter="g"),
    Page(
        LESSON,
        "Session 12",
        "What is OTP?",
        place="learn",
        of_platform=True,
        letter="o",
        at="/learn/12",
        route="/learn/{number}",
    ),
    Page(CLASS, "Class", "Class", place="learn", of_platform=True, of_own=False, letter="b"),
    Page("docs", "Docs", "Documentation", place="learn", own_routes=True, letter="d"),
    Page(CLUSTER, "Cluster", "Cluster", place="system", of_platform=True, of_own=False, letter="c"),
    Page("arsenal", "Operations", "Operations", place="system", letter="a"),
    Page("settings", "Settings", "Settings", place="system", of_platform=True, letter="e"),
)
MOVED: Final = {
    "/tree": "/supervisors",
    "/sandbox": "/sandboxes",
    "/playground": "/sandboxes",
    "/why": "/timeline",
    "/cluster-processes": "/cluster?view=processes",
    "/cluster-visualization": "/cluster?view=map",
} | {f"/{page.id}": page.href for page in PAGES if page.view}
"""Former and likely addresses of pages."""

OF_OWN: Final = frozenset({*(page.path for page in PAGES if page.of_own), *MOVED, "/api/docs"})
BELOW_OWN: Final = ("/docs/", "/api/docs/", "/learn/", "/live/", "/why/")

MOST_STORED: Final = 20
"""Stored restarts on the page of a node that is gone."""

DEAD_LINKS: Final = {
    "used": "this link was used before, and each link signs in once",
    "expired": "this link has expired",
    "unknown": "this link was used before, or belongs to an earlier start of the platform",
}
"""Texts about the link that led to a page and did not sign in."""

HEADINGS: Final = {403: "Not allowed", 404: "There is no such page", 405: "Method not allowed", 500: "Internal error"}

# The operating system's table of types may differ, or be empty.
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")


def find_similar(path: str) -> list[Page]:
    """Return the pages with an address similar to this one.

    >>> [page.id for page in find_similar("/supervisor/ledger")]
    ['supervisors']
    """
    first = path.strip("/").partition("/")[0].lower()
    by_name = {name: page for page in PAGES if not page.below for name in (page.id, page.label.lower())}
    found = (by_name[name] for name in get_close_matches(first, by_name, NEAR, 0.6))
    return list(dict.fromkeys(found))


def is_of_own(path: str) -> bool:
    """Return whether users with nothing but the `own` scope may open a path outside the API.

    >>> is_of_own("/supervisors"), is_of_own("/live/log"), is_of_own("/cluster"), is_of_own("/metrics")
    (True, True, False, False)
    """
    return path in OF_OWN or path.startswith(BELOW_OWN)


def _pages(platform: Platform, user: User) -> list[Page]:
    """Return the pages for a user; that of the cluster is a place as soon as there is another member."""
    pages = (
        page._replace(place=CLUSTER) if page.id == CLUSTER and platform.members.has_others else page for page in PAGES
    )
    return [page for page in pages if not user.only_own or page.of_own]


def _withholds(platform: Platform, node: str | None, scope: Scope) -> bool:
    """Return whether this is the node of a service that does not permit a scope to anyone."""
    found = None if node is None else platform.attachments.find(node)
    return found is not None and found.facts is not None and scope not in found.facts.permissions


async def _find_absence(platform: Platform, user: User, node: str) -> Absence | None:
    """Return why a node is not there; None if it was not seen since the start and no restart of it is stored."""
    known = None if user.only_own else platform.nodes.absence(node)
    if known is not None:
        return known
    _, stored = await platform.moments.page([node], [], user.only_owner, None, None, 0, 1, replays=False)
    if not stored:
        return None
    started = datetime.fromtimestamp(platform.started_at)
    why = platform.nodes.left.get(node) or f"it has not connected since the platform started at {started:%H:%M:%S}"
    return Absence(f"{node} is not connected: {why}", "")


def _heading_of(error: ApiError) -> str:
    if error.code == "node_not_found":
        return "There is no such node"
    return HEADINGS.get(error.status, "That did not work")


def _without(heading: str, said: str) -> str:
    """Return a sentence without the heading above it, with which it may begin."""
    rest = said.removeprefix(heading).lstrip(": ")
    return _begin_sentence(rest) if said.startswith(heading) else said


def _begin_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _ended(sandbox: Sandbox) -> str:
    return f"The sandbox {sandbox.id} {sandbox.busy or 'has ended'}"


def _session(course: Course, number: str) -> dict[str, Any]:
    """Return what the page of a session shows of it. Raises `ApiError` if there is none."""
    try:
        lesson = course.lesson(int(number) if number.isascii() and number.isdigit() else 0)
    except UnknownItem as error:
        said, _, expected = str(error).partition("; ")
        raise ApiError(404, "page_not_found", said, hint=expected) from None
    following = next((one for one in course.lessons if one.number > lesson.number), None)
    return {"title": lesson.title, "number": lesson.number, "following": following}


def _why(sandbox: Sandbox) -> str:
    if sandbox.alive:
        return "Try again in a moment."
    return f"Why: {safe_text(sandbox.reason or 'unknown')}."


async def _list_stored(platform: Platform, user: User, node: str) -> tuple[list[tuple[str, str]], int, bool]:
    """Return the ids and texts of the newest restarts and anomalies of a node, loops as one.

    And the number of the other restarts, and whether an anomaly is listed.
    """
    moments = platform.moments
    rows, total = await moments.page([node], [], user.only_owner, None, None, 0, MOST_FOLDED, replays=False)
    loops = sorted(fold(rows), key=lambda one: -one.until)[:MOST_STORED]
    newest = await moments.read_replays([row for one in loops if isinstance(row := one.newest, MomentRow)])
    found, _ = await moments.page(
        [node], [], user.only_owner, None, None, 0, MOST_STORED, number=ANOMALY, replays=False
    )

    def describe() -> list[tuple[str, str]]:
        summed = [loop.sum_up(row) for row, loop in zip(newest, loops, strict=True)]
        listed = sorted(_without_repetitions(summed, found), key=lambda row: -row.until)
        return [
            (
                _ref_of(row, summed),
                describe_with_reason(row, user.name),
            )
            for row in listed
        ]

    return await asyncio.to_thread(describe), total - sum(len(one.lines) for one in loops), bool(found)


def _without_repetitions(restarts: list[MomentRow], anomalies: list[MomentRow]) -> list[MomentRow]:
    """Return restarts, incidents and anomalies with one row each: that with a replay, else the anomaly.

    Rows are about the same if their times overlap and their lines name first the same process and what it did.
    """
    # An anomaly that outlasts an attachment is stored again at its end; the newest line has the most
    first = {(row.at, *_begin_row(row)): row for row in reversed(anomalies)}
    anomalies = [row for row in anomalies if first[row.at, *_begin_row(row)] is row]
    kept = [row for row in restarts if not (is_incident(row) and any(_is_repeated(row, one) for one in anomalies))]
    others = [row for row in kept if not is_incident(row)]
    return [*kept, *(one for one in anomalies if not any(_is_repeated(one, row) for row in others))]


def _begin_row(row: MomentRow) -> list[str]:
    words = beginning(row.line)
    return [*words[:1], "gave up"] if " gave up" in row.line else words


def _is_repeated(one: MomentRow, other: MomentRow) -> bool:
    near = one.at <= other.until + SAME_S and other.at <= one.until + SAME_S
    return near and _begin_row(one) == _begin_row(other)


def _ref_of(row: MomentRow, restarts: list[MomentRow]) -> str:
    """Return the id of the page of a row; that of an anomaly is the page of its incident, if one is stored."""
    found = row
    if row.number == ANOMALY:
        found = next((one for one in restarts if is_incident(one) and _is_repeated(row, one)), None)
    return "" if found is None else str(Ref(found.run, found.number))


def _list_services(platform: Platform) -> dict[str, bool]:
    """Return the names of the attached services, and whether each is connected."""
    known = sorted((one.name, one.state) for one in platform.attachments if one.name is not None)
    return {name: state in ("attached", "connecting") for name, state in known}


def install(app: FastAPI, platform: Platform, readiness: Readiness) -> None:
    """Add the pages, the static files and the error page."""

    def render(
        request: Request, template: str, code: int = 200, *, node: str | None = None, **values: Any
    ) -> HTMLResponse:
        user, own = user_of(request), platform.node.name
        names = node_names(platform.nodes, user)
        first = home_node(user) if user.only_own else platform.nodes.default or own
        is_first = node in (None, first)
        lists_services = is_first and not user.only_own
        found = platform.nodes.find(node or first)
        shown = {
            "root": platform.settings.root_path,
            "cli": reaching(request, platform.settings.data_dir, platform.settings.root_path),
            "shared_at": None if platform.addresses.note else platform.addresses.urls[0],
            "version": platform.version,
            "pages": _pages(platform, user),
            "node": node or first,
            "chosen": "" if is_first else node,
            "own": own,
            "beside": found is not None and found.kind.listed_beside,
            "runs_no_tree": platform.nodes.runs_no_tree and is_first,
            "services": _list_services(platform) if lists_services else {},
            "only_service": platform.nodes.find_only_service() if lists_services else None,
            "reader": user.name,
            "display_name": user.display_name,
            "only_own": user.only_own,
            "told": platform.node_list.of(user).snapshot().decode(),
            "nodes": [first, *(name for name in names if name != first)] if user.only_own else names,
            "only_reads": _withholds(platform, node, "operate"),
            "hides_code": _withholds(platform, node, "code"),
            "dead_link": DEAD_LINKS.get(dead_link_of(request) or ""),
        }
        return HTMLResponse(render_page(template, shown | values), code, headers={"cache-control": "no-store"})

    async def error_page(request: Request, error: ApiError) -> Response:
        hint = error.details[0]["hint"] if error.details else None
        nowhere = error.code == "operation_not_found"  # its message is for programs
        said = f"Nothing is at {request.scope['path'][:200]}" if nowhere else error.message
        lost = request.query_params.get("node") if error.code == "node_not_found" else None
        if not (lost and said.startswith(lost)):  # a name stays as it is
            said = _begin_sentence(said)
        user = user_of(request)
        awaited = lost in platform.nodes.awaited and not user.only_own
        absence = None if lost is None else await _find_absence(platform, user, lost)
        stored, more, has_anomalies = await _list_stored(platform, user, lost) if lost and absence else ([], 0, False)
        sandbox = next((one for one in platform.sandboxes.all() if one.node == lost and user.sees(one.owner)), None)
        if sandbox is not None:
            heading = _ended(sandbox)
        elif awaited:
            heading = f"Waiting for {lost}"
        elif absence is not None:
            heading = f"{lost} is not connected"
        else:
            heading = _heading_of(error)
        return render(
            request,
            "error.html",
            error.status,
            node=lost if absence is not None and sandbox is None else None,
            page="error",
            title="Error",
            can_sign_out=platform.settings.requires_credentials and is_signed_in(request),
            status=error.status,
            heading=heading,
            message=_without(heading, said) if sandbox is None else _why(sandbox),
            sandbox=sandbox,
            hint=None if nowhere or error.code == "node_not_found" else hint,
            near=find_similar(request.scope["path"]) if nowhere or error.code == "page_not_found" else (),
            lost_node=error.code == "node_not_found",
            awaited=awaited,
            explained=absence is not None,
            stored=stored,
            more=more,
            has_anomalies=has_anomalies,
            lost=lost,
        )

    def add(page: Page) -> None:
        views = {one.view: one for one in PAGES if one.view and one.place == page.id}

        async def show(request: Request) -> Response:
            node = request.query_params.get("node")
            shown = views.get(request.query_params.get("view", ""), page)
            if not readiness.ready:
                return render(request, "starting.html", 503, page="starting", title="Starting")
            user = user_of(request)
            if user.only_own and (node is None or node == home_node(user)) and not page.of_platform:
                await platform.homes.node_of(platform.services, Context(platform.nodes, user))
                node = None
            gone = (node is not None or not user.only_own) and seen_node(platform.nodes, user, node) is None
            absence = await _find_absence(platform, user, node) if gone and node is not None else None
            refused = is_refused(platform.nodes, platform.sandboxes, user, node) and absence is None
            if "event" not in request.path_params and refused:
                record_refusal(platform.audit, request, "web.open", page.path)
            if gone and (page.of_platform or node == platform.nodes.default or "event" in request.path_params):
                node = node if absence is not None and "event" in request.path_params else None
                gone = False
            if gone and node is not None:
                there = ", ".join(node_names(platform.nodes, user)) or "your sandboxes"
                there_is_none = f"there is no node {node[:200]!r}" if absence is None else absence.why
                raise ApiError(404, "node_not_found", there_is_none, hint=f"expected one of {there}")
            can_sign_out = platform.settings.requires_credentials and is_signed_in(request)
            about: dict[str, Any] = {"title": shown.title}
            if shown.id == LESSON:
                about = _session(platform.course, request.path_params["number"])
            elif shown.id in {LEARN, CLASS}:
                about |= {
                    "phases": platform.course.phases,
                    "lessons": {one.number: one for one in platform.course.lessons},
                    "links_note": platform.addresses.note,
                    "link_hours": f"{platform.settings.link_expires / 3600:g}",
                }
            return render(
                request,
                f"{shown.id}.html",
                node=node,
                page=shown.id,
                live=shown.live,
                can_sign_out=can_sign_out,
                no_admin=not user.may("admin"),
                no_operate=not user.may("operate", user.name),
                no_code=not user.may("code", user.name),
                signed_in=user is not ANONYMOUS,
                deep="event" in request.path_params,
                **about,
            )

        app.router.add_route(page.route or page.path + page.below, show)

    def move(old: str, new: str) -> None:
        async def moved(request: Request) -> Response:
            query = request.url.query and f"{'&' if '?' in new else '?'}{request.url.query}"
            return RedirectResponse(f"{platform.settings.root_path}{new}{query}", 301)

        app.router.add_route(old, moved)

    for page in PAGES:
        if not (page.own_routes or page.view):
            add(page)
    for old, new in MOVED.items():
        move(old, new)
    install_docs(app, platform, render)
    install_api_docs(app, platform, render)
    app.state.error_page = error_page
    app.mount("/static", OwnFiles(FILES), name="static")
