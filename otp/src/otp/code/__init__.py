"""New code for servers that run: they keep their pid, their mailbox and their state.

    await code.reload(shop)                     # a module, after its file was changed
    await code.rollback(shop)                   # back to the version before
    await code.latest(shop.serve)(state)        # a call that finds the newest version
    raise otp.Become(code.latest(serve), state) # the same as a tail call: a process's loop

`reload` stops all servers of the module between two messages, lets each new class turn the old state into its own
(`code_change(old_vsn, state, extra)`), and lets them go on. If one refuses, nothing has changed anywhere:

>>> from otp import code
>>> issubclass(code.UpgradeRefused, Exception)
True

What keeps running old code: coroutine processes, until they call or become `code.latest(fn)`, objects of old
classes, and modules that took a name with `from shop import …`; the report names them. `docs/upgrades.md` begins with
a program to try.

Source: Erlang reference manual, *Compilation and Code Loading*; OTP's `release_handler`, `sys:change_code/4`.
"""

from __future__ import annotations

from otp.code.loading import latest, vsn
from otp.code.reports import OldObject, OldReference, RunningVersion, UpgradedServer, UpgradeRefused, UpgradeReport
from otp.code.upgrade import check, reload, rollback, versions

__all__ = [
    "OldObject",
    "OldReference",
    "RunningVersion",
    "UpgradeRefused",
    "UpgradeReport",
    "UpgradedServer",
    "check",
    "latest",
    "reload",
    "rollback",
    "versions",
    "vsn",
]
