"""The program `superlearner run`, from its lock to its exit code.

Exit codes: 0 ended by a signal, or a platform was running already · 1 it could not start · 70 the root gave up.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from superlearner import __version__
from superlearner.access.links import answers, fresh_link, link_of
from superlearner.base.data_dir import (
    AlreadyRunning,
    DataDir,
    DataDirError,
    command_line,
    default_data_dir,
    in_data_dir,
    provide_temporary_folder,
)
from superlearner.base.descriptors import allow_descriptors, too_few_descriptors
from superlearner.base.interfaces import is_loopback
from superlearner.base.listening import CannotListen, Listener
from superlearner.base.shortage import cause_text
from superlearner.base.terminal import complain, print_line
from superlearner.base.tls import TlsError, first_certificate, server_context
from superlearner.observing.logs import TerminalLog, explained_once
from superlearner.settings.settings import Settings

if TYPE_CHECKING:
    from superlearner.access.credentials import Credentials
    from superlearner.settings.configuration import Configuration

__all__ = ["ROOT_GAVE_UP", "run_platform"]

DONE: Final = 0
FAILED: Final = 1
ROOT_GAVE_UP: Final = 70
FOR_OTHERS: Final = 512
"""Descriptors in addition to those for connections."""
PRELOAD: Final = ("superlearner.backend.own", "superlearner.backend.headless")
SLOW_START_S: Final = 1.0
"""Seconds after which the address is printed although a tree is still starting."""


class Failure(Exception):
    """The platform cannot start; the text says why and what to try."""


@dataclass(frozen=True, slots=True)
class Own:
    """The tree to run: its target, its argument, and whether in a peer; or none, with `empty`."""

    target: str | None = None
    args: tuple[Any, ...] = ()
    peer: bool = False
    empty: bool = False


def run_platform(
    configuration: Configuration,
    target: str | None = None,
    args: tuple[Any, ...] = (),
    *,
    peer: bool = False,
    empty: bool = False,
) -> int:
    """Run the platform until it is stopped; return the exit code.

    `target` is `FILE.py:Name`, a tree to run instead of the shop and the demo; `args` contains its argument, if any;
    with `peer`, it runs in a separate program. With `empty`, no tree runs.
    """
    known: list[Credentials] = []
    terminal = TerminalLog(
        lambda: configuration.current, lambda word: any(one.is_token(word) for one in known), of_platform=True
    )
    terminal.open()
    configuration.listen(lambda _: terminal.adopt())
    try:
        return _run_on_data_dir(configuration, Own(target, args, peer, empty), known)
    finally:
        terminal.close()


def _run_on_data_dir(configuration: Configuration, tree: Own, known: list[Credentials]) -> int:
    settings, target = configuration.current, tree.target
    if (problem := too_few_descriptors()) is not None:
        return _failed(problem, configuration)
    data = DataDir(settings.data_dir or default_data_dir())
    try:
        data.acquire()
    except AlreadyRunning as running:
        if target is not None:
            return _not_started(running, target, configuration)
        return _open_the_first(running, configuration, data.path)
    except DataDirError as error:
        return _failed(str(error), configuration)
    provide_temporary_folder(data.path.absolute())
    with contextlib.closing(data):
        try:
            tls = None if settings.certfile is None else server_context(settings.certfile, settings.keyfile)
            certificate = None if settings.certfile is None else first_certificate(settings.certfile)
            listener = Listener.bind(settings.host, settings.port, tls)
        except (CannotListen, TlsError) as error:
            return _failed(str(error), configuration)
        with contextlib.closing(listener):
            try:
                credentials = _credentials(settings, listener, data.path)
            except Failure as error:
                return _failed(str(error), configuration)
            if credentials is not None:
                known.append(credentials)  # so that the log redacts them
            try:
                data.announce(listener.url(settings.root_path), target, certificate)
            except DataDirError as error:
                return _failed(str(error), configuration)
            _close_in_forks(data, listener)
            return _run(configuration, listener, tree, data.path, credentials)


def _close_in_forks(data: DataDir, listener: Listener) -> None:
    """Close the lock and the port in children forked by the user's tree."""

    def let_go() -> None:
        data.let_go()
        listener.let_go()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=let_go)


def _credentials(settings: Settings, listener: Listener, data_dir: Path) -> Credentials | None:
    """Return the credentials to check; None if no token can be stored."""
    from superlearner.access.credentials import Credentials, CredentialsError, read_or_make_token

    asked = settings.requires_credentials
    if not asked and not is_loopback(listener.host):
        raise Failure(
            f"{settings.host} resolves to {listener.host}, which is not a loopback address; start with --auth all"
        )
    try:
        token = read_or_make_token(data_dir)
    except CredentialsError as error:
        if asked:
            raise Failure(str(error)) from None
        complain(f"warning: {error}")
        return None
    return Credentials(token)


def _run(
    configuration: Configuration,
    listener: Listener,
    tree: Own,
    data_dir: Path,
    credentials: Credentials | None,
) -> int:
    import otp
    from otp.peer import Spares

    if not is_loopback(configuration.current.host) and listener.tls is None:
        complain(
            "warning: credentials travel unencrypted; use a network you trust, --certfile, or a proxy with TLS in front"
        )
    if tree.peer and tree.target is not None:
        from superlearner.base.loading import LoadError, check

        try:
            check(tree.target)
        except LoadError as error:
            return _failed(str(error), configuration)
    gc.disable()  # nearly all objects of a start survive it; scanning them took a sixth of its time
    with contextlib.ExitStack() as ending:
        ending.callback(gc.enable)
        spares = ending.enter_context(Spares(1, PRELOAD, ours=True)) if tree.peer else None  # it imports in parallel
        from superlearner.app.ending import Ending
        from superlearner.app.running import NODE_NAME
        from superlearner.base.loading import LoadError

        try:
            configuration.fix(data_dir=data_dir)
            allow_descriptors(configuration.current.max_connections + FOR_OTHERS)
            trees = _trees(tree)
        except LoadError as error:
            return _failed(str(error), configuration)
        signals = Ending()
        ending.callback(signals.done)

        def make() -> Any:
            """Create the platform on the running node."""
            from superlearner.app.running import RunningPlatform
            from superlearner.web.platform import Platform

            platform = Platform(otp.node(), configuration, listener, __version__, credentials)
            platform.nodes.runs_no_tree = tree.empty
            if spares is None or tree.target is None:
                return RunningPlatform(platform, trees, ending=signals, main=otp.self())
            from superlearner.app.own_peer import program_of

            own = program_of(platform, tree.target, tree.args, spares)
            return RunningPlatform(platform, (own.tree,), own, signals, otp.self())

        try:
            reason = otp.run(_live, make, node=NODE_NAME)
        except Failure as error:
            return _failed(str(error), configuration)
        except KeyboardInterrupt:
            return DONE
    if reason is None:
        return DONE
    return _root_gave_up(reason, data_dir)


def _trees(tree: Own) -> Any:
    from superlearner.app.application import trees_of

    return () if tree.peer or tree.empty else trees_of(tree.target, tree.args)


async def _live(make: Callable[[], Any]) -> Any:
    """Run the first process: create the platform, start it, print the address, wait for the root."""
    import otp
    from otp import Application
    from superlearner.app.application import SuperLearner, start_trees
    from superlearner.cluster.ways import BadWay
    from superlearner.operations.declaration import DeclarationError

    otp.register("main", otp.self())
    try:
        running = make()
    except (DeclarationError, BadWay) as error:
        raise Failure(str(error)) from None
    platform, root = running.platform, None
    quiet = contextlib.ExitStack()
    told = False
    late = ""

    def announce() -> None:
        """Print the address once, even if a tree is still starting."""
        nonlocal told, late
        if not told:
            told = True
            late = " and ".join(kept.id for kept in running.keeper.of("playground") if not kept.started_once)
            gc.freeze()
            gc.enable()
            quiet.close()
            _print_address(platform, late)
            platform.members.ready()
            platform.simulator.begin(platform.settings.cluster_simulation)

    quiet.enter_context(explained_once(platform.settings.log_level))
    try:
        await Application.start(SuperLearner, args=running)
        root = otp.whereis("superlearner")
        running.ending.install(platform.node, lambda: running.watchdog)
        waiting = asyncio.get_running_loop().call_later(SLOW_START_S, announce)
        try:
            await start_trees(running)
        finally:
            waiting.cancel()
        if late:
            print_line(f"started: {late}")
    except otp.StartError as error:
        raise Failure(_why_not_started(error, running)) from None
    except otp.CallExit:
        pass  # the playground ended meanwhile; it restarts, with its trees
    finally:
        quiet.close()
    announce()
    return "noproc" if root is None else await otp.wait_down(root)


def _print_address(platform: Any, starting: str) -> None:
    settings: Settings = platform.settings
    url = platform.listener.url(settings.root_path)
    more = f"; still starting: {starting}" if starting else ""
    code = platform.owner_code()
    if code is None:
        print_line(f"SuperLearner {platform.version} runs at {url} (Ctrl-C ends it){more}")
    else:
        link = link_of(url, code)
        print_line(f"SuperLearner {platform.version} runs at {link} (the link signs in once; Ctrl-C ends it){more}")
    if not is_loopback(settings.host):
        _print_addresses_for_others(platform)
    if (folder := _named(platform.configuration)) is not None:
        print_line(f"commands in another terminal: {command_line(folder)} tree")
    if settings.browser:  # with a separate link: the printed one stays valid for another browser
        from superlearner.base.browser import open_browser

        code = platform.owner_code()
        open_browser(url if code is None else link_of(url, code))


def _print_addresses_for_others(platform: Any) -> None:
    """Print the addresses that others can open, and the page and the command that make sign-in links."""
    addresses = platform.addresses
    if addresses.note is not None:
        complain(f"warning: {addresses.note}")
        return
    print_line(f"others open {' or '.join(addresses.urls)} and sign in")
    if platform.listener.tls is None and not platform.settings.trusted_proxies:
        print_line(
            "TLS requires a certificate for a name of this machine: --certfile FILE --keyfile FILE --allow-host NAME"
        )
    cli = command_line(_named(platform.configuration))
    print_line(f"sign-in links for a class: {addresses.urls[0]}/class, or {cli} user links @names.txt")


def _named(configuration: Configuration) -> Path | None:
    """Return the data directory if given as a flag, to show it in commands."""
    given = configuration.given("data_dir")
    if given.source != "flag":
        return None
    folder = Path(given.value).absolute()
    return None if folder == default_data_dir().absolute() else folder


def _why_not_started(error: Any, running: Any) -> str:
    from superlearner.base.loading import LoadError, TreeNotStarted
    from superlearner.control.failures import explain, explain_start

    for kept in running.keeper.of("playground"):
        if isinstance(kept.first_failure, LoadError):
            return str(kept.first_failure)
        if isinstance(kept.first_failure, TreeNotStarted):
            return f"{kept.id} does not start\n{kept.first_failure}".replace("\n", "\n  ")
        if kept.first_failure is not None:
            return f"{kept.id} does not start\n{explain(kept.first_failure)}".replace("\n", "\n  ")
    return f"the platform does not start\n{explain_start(error.reason)}".replace("\n", "\n  ")


def _root_gave_up(reason: Any, data_dir: Path) -> int:
    """Write a crash report and print where it is; this must never happen."""
    from superlearner.control.reasons import text_of_reason
    from superlearner.control.terms import text_of

    now = datetime.now(UTC)
    report = data_dir / f"crash-{now:%Y%m%dT%H%M%S}.txt"
    said = text_of(reason, 10_000)
    text = f"SuperLearner {__version__} ended at {now.isoformat()}: its root supervisor gave up.\nreason: {said}\n"
    try:
        report.write_text(text, encoding="utf-8")
        where = f"the crash report is {report}"
    except OSError as error:
        where = f"the crash report could not be written: {cause_text(error)}"
    complain(f"the root supervisor gave up ({text_of_reason(reason)}); {where}")
    return ROOT_GAVE_UP


def _not_started(running: AlreadyRunning, target: str, configuration: Configuration) -> int:
    from superlearner.base.loading import name_of

    where = "" if running.url is None else f" at {running.url}"
    return _failed(
        f"{name_of(target)} was not started: SuperLearner is already running{where} for this data directory\n"
        f"  stop that one (process {running.os_pid}) first, "
        "or run this one beside it with --data-dir FOLDER and --port PORT",
        configuration,
    )


def _open_the_first(running: AlreadyRunning, configuration: Configuration, path: Path) -> int:
    if running.url is None:
        return _failed(
            f"another platform is starting on {path} and has not published its address; "
            "try again, or --data-dir FOLDER",
            configuration,
        )
    if not answers(running.url, running.certificate):
        return _failed(
            f"the data directory {path} is held by process {running.os_pid} or one of its children, "
            f"but nothing answers at {running.url}\n"
            "  try again if it is busy; else end that process, or run another platform with --data-dir FOLDER",
            configuration,
        )
    print_line(
        f"SuperLearner is already running at {fresh_link(running.url, path, running.certificate)} "
        f"(process {running.os_pid})"
    )
    complain("to run another one in parallel, give it its own data directory: --data-dir FOLDER")
    if configuration.current.browser:
        from superlearner.base.browser import open_browser

        open_browser(fresh_link(running.url, path, running.certificate), wait=True)
    return DONE


def _failed(message: str, configuration: Configuration) -> int:
    complain(in_data_dir(message, _named(configuration)))
    return FAILED
