"""The type of behaviours: a callback that is replaced on a class is the one of servers that start afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from otp.kernel.vtable import forget_callbacks

if TYPE_CHECKING:
    from abc import ABCMeta as _Meta
else:
    _Meta = type(Protocol)  # derived from `ABCMeta`: else a server could be neither abstract nor name its protocols

__all__ = ["BehaviourType"]


class BehaviourType(_Meta, type):
    """The metaclass of `Behaviour`: an assignment to a class drops the callbacks that were looked up.

    It costs a start nothing; to compare the callbacks at each start would cost a tenth of it.
    """

    if not TYPE_CHECKING:  # else a type checker would accept the assignment of any attribute
        __instancecheck__ = type.__instancecheck__  # those of protocols ask for attributes that only protocols have
        __subclasscheck__ = type.__subclasscheck__

        def __setattr__(cls, name: str, value: object) -> None:
            super().__setattr__(name, value)
            _forget(cls, name)

        def __delattr__(cls, name: str) -> None:
            super().__delattr__(name)
            _forget(cls, name)


def _forget(cls: type, name: str) -> None:
    if not name.startswith("__"):
        forget_callbacks(cls)
