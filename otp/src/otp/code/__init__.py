"""New code for running servers: they keep their pid, their mailbox and their state.

    await code.reload(shop)                     # a module, after a change of its file
    await code.rollback(shop)                   # back to the previous version
    await code.latest(shop.serve)(state)        # a call that finds the newest version
    raise otp.Become(code.latest(serve), state) # the same as a tail call: a process's loop

`reload` suspends all servers of the module between two messages, lets each new class convert the old state
(`code_change(old_vsn, state, extra)`), and resumes them. If one refuses, nothing changes anywhere:

>>> from otp import code
>>> issubclass(code.UpgradeRefused, Exception)
True

Old code keeps running in coroutine processes, until they call or become `code.latest(fn)`, in objects of old classes,
and in modules that imported a name with `from shop import …`; the report lists them. `docs/upgrades.md` begins with a
program to try.

Source: Erlang reference manual, *Compilation and Code Loading*; OTP's `release_handler`, `sys:change_code/4`.
"""

from __future__ import annotations

from otp.code.loading import latest, vsn
from otp.code.reports import OldObject, OldReference, RunningVersion, UpgradedServer, UpgradeRefused, UpgradeReport
from otp.code.upgrade import check, reload, rollback, versions
from otp.kernel.tables.from_thread import run_import

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
    "run_import",
    "versions",
    "vsn",
]
