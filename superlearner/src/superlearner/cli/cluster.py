"""The commands of a cluster: `node NAME` runs a member, `cluster` begins, shows, connects and ends members."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from superlearner.base.commands import command
from superlearner.base.data_dir import command_with
from superlearner.cli.cluster_members import platform_process
from superlearner.cli.cluster_status import (
    NO_CLUSTER,
    NOT_TRUE,
    DataDirOption,
    JsonOption,
    WaitOption,
    WaitTimeoutOption,
    count_members,
    folder_of,
    show_status,
)
from superlearner.cli.cluster_tests import testing
from superlearner.cli.ends import USAGE, fail
from superlearner.cli.manifest import verbs
from superlearner.cli.operations import WithOperations

__all__ = ["cluster", "node"]

INSTEAD: Final = {
    "self": ("cluster", "status"), "status": ("cluster", "status"), "ping": ("cluster", "ping"),
    "connect": ("cluster", "connect"), "disconnect": ("cluster", "disconnect"), "forget": ("cluster", "forget"),
    "start": ("cluster", "start"), "stop": ("cluster", "stop"),
}  # fmt: skip
"""Words that one expects as verbs of `node`, and the commands that do it."""

cluster = typer.Typer(cls=WithOperations, help="Begin, show and end the members of a cluster.", no_args_is_help=True)


def node(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the member; b is b@127.0.0.1.", metavar="NAME")],
    connect: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Address of a member; one of them has to answer.", show_default=False),
    ] = None,
    listen: Annotated[
        str,
        typer.Option(help="Address to listen on; a port admits other users; beyond loopback, --tls-… are required."),
    ] = "127.0.0.1",
    advertise: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address that others dial, if not the one of --listen: in a container, behind a router.",
            show_default=False,
        ),
    ] = None,
    discovery: Annotated[
        str, typer.Option(metavar="HOW", help="How to find members: local, lan, file:PATH, dns:NAME[:PORT] or none.")
    ] = "local",
    cookie_file: Annotated[
        Path | None,
        typer.Option(help="File with the cookie [default: that of the data directory].", show_default=False),
    ] = None,
    leases: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Store of leases: postgresql://…, etcd:http://… or file:PATH [default: that of OTP_LEASES].",
            show_default=False,
        ),
    ] = None,
    app: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:Name",
            help="Supervisor or Application to run there [default: the shop].",
            show_default=False,
        ),
    ] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Run no tree there.")] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE[:NAME]", help="What other members may start or call here.", show_default=False),
    ] = None,
    tls_ca: Annotated[Path | None, typer.Option(help="Certificate of the authority (PEM).", show_default=False)] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate of this member (PEM).", show_default=False)] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of this member (PEM).", show_default=False)] = None,
    teaching: Annotated[
        bool, typer.Option("--teaching", help="Notice a silent member after at most 1 s, not 6 s.")
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Run a member of the cluster in the foreground, until Ctrl-C or SIGTERM.

    It runs a shop of its own, with processes to watch and to kill; `--app` runs that instead, `--empty` nothing.
    It joins the cluster of its data directory by itself: begin with `superlearner run`, then in another terminal
    `superlearner node b`. Exits with 0 after it has left, 1 if it is not admitted, 3 if no address answers.

    Operations on nodes: `superlearner node VERB` with attach, detach, list and others.
    """
    if verb := _verb_like(name.lower()):
        instead = INSTEAD.get(verb, ("node", verb))
        fail(f"{name} is no name for a member; did you mean `{command(*instead)}`?", USAGE)
    if empty and app is not None:
        fail("expected --app or --empty, got both", USAGE)
    from superlearner.app.member import MemberProgram, run_member
    from superlearner.cluster.lease_store import lease_store_of
    from superlearner.cluster.ways import BadWay, Way, tls_of

    try:
        tls = tls_of(tls_ca, tls_cert, tls_key)
        way = Way(
            folder_of(ctx, data_dir),
            cookie_file=cookie_file,
            connect=tuple(connect or ()),
            listen=listen,
            advertise=advertise,
            discovery=discovery,
            allow=tuple(allow or ()),
            tls=tls,
            settings=_teaching() if teaching else None,
            leases=lease_store_of(leases, tls=tls),
        )
    except BadWay as error:
        fail(str(error), USAGE)
    except ImportError as error:
        fail(str(error), NOT_TRUE)
    raise typer.Exit(run_member(MemberProgram(name, way, app, empty)))


def _verb_like(name: str) -> str | None:
    """Return the verb that a name is, or probably a misspelling of.

    >>> [_verb_like(name) for name in ("list", "lisp", "lsit", "b", "shop")]
    ['list', 'list', 'list', None, None]
    """
    words = [*INSTEAD, *verbs("node")]
    near = [word for word in words if _is_letter_off(name, word)] or get_close_matches(name, words, 1, 0.8)
    if name == "shop":  # a likely name, although one letter from `stop`
        return None
    return name if name in words else next(iter(near), None)


def _is_letter_off(typed: str, word: str) -> bool:
    """Return whether words differ by at most one letter: changed, missing, extra, or swapped with the next."""
    pairs = zip(typed, word, strict=False)
    same = next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(typed), len(word)))
    left, right = typed[same:], word[same:]
    swapped = left[2:] == right[2:] and left[:2] == right[1::-1]
    return swapped or left[1:] in (right, right[1:]) or left == right[1:]


@cluster.command()
def start(
    ctx: typer.Context,
    count: Annotated[int, typer.Argument(metavar="N", min=1, max=30, help="How many members.")],
    teaching: Annotated[
        bool, typer.Option("--teaching", help="Notice a silent member after at most 1 s, not 6 s.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for all members to connect.")] = 30.0,
    data_dir: DataDirOption = None,
) -> None:
    """Start members m1, m2, … in the background, and wait until all are connected.

    Exits with 1 and ends them if they are not connected in time. `superlearner cluster stop` ends them.
    """
    from otp import BadArgument
    from superlearner.base.terminal import show_wait_line, unwritable
    from superlearner.cluster.background import NotConnected, start_members

    options = ["--teaching"] if teaching else []
    try:
        with show_wait_line(f"waiting for {count_members(count)} to connect, for up to {timeout:g} s"):
            names, size = start_members(folder_of(ctx, data_dir), count, options=options, timeout=timeout)
    except (NotConnected, BadArgument) as error:
        fail(str(error), NOT_TRUE)
    except OSError as error:
        fail(unwritable(error), NOT_TRUE)
    typer.echo(f"started {', '.join(names)}: {count_members(size)}")


@cluster.command()
def stop(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Members to end [default: all that start began].")
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """End members that `cluster start` began.

    Exits with 1 if one still runs after 10 seconds, and if there is none of a name.
    """
    from superlearner.cluster.background import NotConnected, stop_members

    try:
        ended = stop_members(folder_of(ctx, data_dir), names or [])
    except NotConnected as error:
        fail(str(error), NOT_TRUE)
    typer.echo(f"ended {', '.join(ended)}" if ended else "no members to end")


@cluster.command()
def status(
    ctx: typer.Context,
    wait: WaitOption = None,
    timeout: WaitTimeoutOption = 10.0,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Show the members of the cluster, their health with its evidence, and what is missing.

    Exits with 0 if all known members are up, 1 if not, 3 if no member runs on this machine.
    """
    folder = folder_of(ctx, data_dir)
    show_status(folder, wait, timeout, as_json=as_json, instead=command_with("run", folder))


@cluster.command()
def connect(
    ctx: typer.Context,
    address: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS", help="Address of a member, such as tls/10.0.0.5:7447, or the name of a lost one."
        ),
    ],
    data_dir: DataDirOption = None,
) -> None:
    """Connect the cluster with a member at an address, and so with all that it knows.

    A member that was lost or disconnected can be given by its name. Exits with 1 if no member with the same cookie
    answers there, 3 if no member runs on this machine.
    """
    from superlearner.base.terminal import show_wait_line
    from superlearner.cluster.control import ControlError, ask, records
    from superlearner.nodes.nodes import full_name

    folder = folder_of(ctx, data_dir)
    here = records(folder)
    if not here:
        fail(f"no member of a cluster runs here for {folder}; try `{command_with('run', folder)}`", NO_CLUSTER)
    process = platform_process(folder)
    asked = [record for record in here if record.os_pid == process] or here[:1]  # the status is the platform's view
    if asked[0].os_pid != process and not {":", "/"} & set(address):  # of those it names, some may be connected already
        asked = [record for record in here if record.name != full_name(address)] or here
    found: dict[str, Any] | None = None
    problem = ""
    with show_wait_line(f"waiting for an answer from {address}"):
        for record in asked:
            try:
                found = ask(record, {"ask": "connect", "address": address})
            except ControlError as error:
                problem = str(error)
    if found is None:
        fail(problem, NOT_TRUE)
    typer.echo(f"connected: {count_members(len(found['members']))}")


@cluster.command()
def certificate(
    hosts: Annotated[list[str], typer.Argument(metavar="HOST", help="IP addresses or names of the hosts.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the authority and the bundles.")] = Path(
        "certificates"
    ),
) -> None:
    """Make an authority, and a bundle of ca.pem, cert.pem and key.pem for each host.

    Copy each bundle to its host, and start the member there with --tls-ca, --tls-cert and --tls-key. Keep the folder
    `authority` to add hosts later, and give it to no host.
    """
    from superlearner.cluster.certificates import CertificateError, make_certificates

    try:
        folders = make_certificates(out, hosts)
    except CertificateError as error:
        fail(str(error), NOT_TRUE)
    for folder in folders:
        typer.echo(folder)


cluster.add_typer(testing, name="test")
cluster.command(name="node", help="The same as `superlearner node NAME`.")(node)


def _teaching() -> Any:
    from otp.distribution import TEACHING

    return TEACHING
