"""The metaclass of behaviours: callbacks that are replaced on a class apply to servers started afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from otp.kernel.values.results import forget_callbacks

if TYPE_CHECKING:
    from abc import ABCMeta as _Meta
else:
    _Meta = type(Protocol)  # derived from `ABCMeta`, so that a server can be abstract and name its protocols

__all__ = ["BehaviourType"]


class BehaviourType(_Meta, type):
    """The metaclass of `Behaviour`: assigning to a class drops its cached callbacks.

    It costs a start nothing; comparing the callbacks at each start would cost a tenth of it.
    """

    if not TYPE_CHECKING:  # else a type checker would accept the assignment of any attribute
        __instancecheck__ = type.__instancecheck__  # those of protocols read attributes that only protocols have
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
