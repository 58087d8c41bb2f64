"""The addresses by which people and their commands reach the platform."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import HTTPConnection

from superlearner.base.commands import beginning
from superlearner.base.data_dir import command_line
from superlearner.base.interfaces import is_any, is_loopback, machine_addresses
from superlearner.base.listening import Listener
from superlearner.settings.settings import Settings
from superlearner.web.connections import is_local

__all__ = ["Addresses", "addresses_of", "reaching"]


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a platform.

    Attributes:
        hosts: allowed names and addresses besides those of loopback.
        urls: at least one; the first is the best one to share as a link.
        note: why other machines may be unable to open them; None if they can.
    """

    hosts: tuple[str, ...]
    urls: tuple[str, ...]
    note: str | None = None


def addresses_of(settings: Settings, listener: Listener | None) -> Addresses:
    """Return the addresses of a platform, as they are at its start.

    With the host `0.0.0.0` or `::` these are the addresses of all interfaces. Names given with `--allow-host` come
    first; behind a proxy they are the only ones.

    >>> addresses_of(Settings(host="192.0.2.7", allow_host=("shop.example",)), None).urls
    ('http://shop.example:4000', 'http://192.0.2.7:4000')
    >>> addresses_of(Settings(), None).note
    'only this machine can open it; to let others in, start with --host 0.0.0.0'
    """
    here = settings.host
    own = tuple(machine_addresses(here)) if is_any(here) else () if is_loopback(here) else (here,)
    hosts = (*settings.allow_host, *own)
    scheme = "https" if settings.certfile is not None else "http"
    port = settings.port if listener is None else listener.port
    root = settings.root_path
    if settings.trusted_proxies:
        urls = tuple(f"https://{_bracketed(host)}{root}" for host in settings.allow_host)
    else:
        urls = tuple(f"{scheme}://{_bracketed(host)}:{port}{root}" for host in hosts)
    allowed = hosts if is_any(here) else (*hosts, here)
    if urls:
        return Addresses(allowed, urls)
    if is_loopback(here):
        note = "only this machine can open it; to let others in, start with --host 0.0.0.0"
    else:
        note = "no address of this machine that others can open was found; name one with --allow-host NAME"
    return Addresses(allowed, (settings.address if listener is None else listener.url(root),), note)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def reaching(request: HTTPConnection, folder: Path | None, root_path: str) -> str:
    """Return how commands begin in a terminal of the client: with the data directory, elsewhere with `--url`.

    The folder is not for other machines.
    """
    if request.client is not None and is_local(request.client.host):
        return command_line(folder)
    return beginning(url=f"{request.url.scheme}://{request.url.netloc}{root_path}")
