"""The beginning of commands in the terminal of a client."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import HTTPConnection

from superlearner.base.commands import beginning
from superlearner.base.data_dir import command_line
from superlearner.web.connections import is_local

__all__ = ["reaching"]


def reaching(request: HTTPConnection, folder: Path | None, root_path: str) -> str:
    """Return how commands begin in a terminal of the client: with the data directory, elsewhere with `--url`.

    The folder is not for other machines.
    """
    if request.client is not None and is_local(request.client.host):
        return command_line(folder)
    return beginning(url=f"{request.url.scheme}://{request.url.netloc}{root_path}")
