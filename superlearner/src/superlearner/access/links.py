"""Links that sign in once: printed at the start, and requested by a second `run`."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from superlearner.access.credentials import CredentialsError, read_token
from superlearner.base.tls import client_context

__all__ = ["answers", "fresh_link", "link_of"]

ANSWER_WAIT_S: Final = 2


def link_of(url: str, code: str, page: str = "/") -> str:
    """Return the address that signs in with `code`, and leads to a page of the platform at `url`.

    >>> link_of("http://127.0.0.1:4000", "abc")
    'http://127.0.0.1:4000/?token=abc'
    >>> link_of("http://127.0.0.1:4000/supervisors?node=Shop", "abc")
    'http://127.0.0.1:4000/supervisors?node=Shop&token=abc'
    >>> link_of("http://127.0.0.1:4000", "abc", "/learn/12")
    'http://127.0.0.1:4000/learn/12?token=abc'
    """
    return f"{url}&token={code}" if "?" in url else f"{url}{page}?token={code}"


def answers(url: str, certificate: str | None = None) -> bool:
    """Return whether a platform answers at `url`; its lock record may be stale."""
    try:
        direct = _direct(url, certificate)
        with direct.open(f"{url}/health/live", timeout=ANSWER_WAIT_S) as answer:
            return bool(json.load(answer) == {"status": "live"})
    except urllib.error.HTTPError:
        return True  # behind a proxy's prefix, the route has another address
    except (OSError, http.client.HTTPException, ValueError):
        return False


def fresh_link(url: str, data_dir: Path, certificate: str | None = None, page: str = "/") -> str:
    """Return a link that signs in and opens a page of the platform; without a token, the plain address."""
    plain = url if page == "/" else f"{url}{page}"
    try:
        token = read_token(data_dir)
        if token is None:
            return plain
        request = urllib.request.Request(
            f"{url}/sign-in/link", method="POST", headers={"authorization": f"Bearer {token}"}
        )
        # The token must only go to this machine, so proxies of the environment are ignored.
        direct = _direct(url, certificate)
        with direct.open(request, timeout=ANSWER_WAIT_S) as answer:
            return link_of(url, json.load(answer)["data"]["code"], page)
    except (CredentialsError, OSError, http.client.HTTPException, ValueError, KeyError):
        return plain  # its page explains how to sign in


def _direct(url: str, certificate: str | None) -> urllib.request.OpenerDirector:
    """Return an opener without a proxy that trusts only `certificate`."""
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=client_context(certificate)))
    return urllib.request.build_opener(*handlers)
