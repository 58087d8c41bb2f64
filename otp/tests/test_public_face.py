"""What `otp` shows to people: each name once, typed, documented."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import subprocess
import sys
import types
from collections import Counter
from typing import Any

import pytest

import otp

FACES = [
    name
    for name in (
        *("otp", "otp.code", "otp.sys", "otp.trace", "otp.observer", "otp.testing", "otp.watchdog"),
        "otp.distribution",
    )
    if name == "otp" or importlib.util.find_spec(name)
]

# What the runtime core promises; later names are added by whoever adds them.
PROMISED = set(
    """
    run Node spawn spawn_link spawn_monitor self send receive link unlink monitor demonitor exit process_flag register
    unregister whereis registered is_alive processes process_info send_after start_timer read_timer cancel_timer
    wait_down make_ref monotonic random GenServer Supervisor DynamicSupervisor Registry Application Behaviour impl
    ChildSpec Children Shared Tag Is AnyOf Ok Reply NoReply Stop Ignore Continue Request Down ExitSignal Timeout
    TimerFired Exit Error Throw BadArgument BadTimeout CallExit NoProcess CallTimeout ServerDown CallingSelf StartError
    AlreadyStarted AlreadyPresent NotFound ReceiveTimeout NotAProcess NotProcessMain Crash ExceptionTerm Pid Ref From
    ChildInfo Counts Entry ProcessInfo OsProcess Output
    """.split()
)


def exported(face: str) -> list[str]:
    return list(importlib.import_module(face).__all__)


def exported_objects(face: str) -> list[tuple[str, Any]]:
    module = importlib.import_module(face)
    return [(name, getattr(module, name)) for name in exported(face)]


EXPORTS = [pytest.param(face, name, id=f"{face}.{name}") for face in FACES for name in exported(face)]


def own_docstring(thing: Any) -> str:
    """What was written for this thing: nothing inherited, nothing that a dataclass or a NamedTuple makes up."""
    text = inspect.cleandoc(thing.__doc__ or "") if "__doc__" in vars(thing) or callable(thing) else ""
    inherited = isinstance(thing, type) and any(thing.__doc__ == base.__doc__ for base in thing.__mro__[1:])
    made_up = isinstance(thing, type) and text.startswith(f"{thing.__name__}(")
    return "" if inherited or made_up else text


def public_methods(cls: type) -> list[tuple[str, Any]]:
    ours = [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "otp"]
    return [
        (name, member.__func__ if isinstance(member, (classmethod, staticmethod)) else member)
        for base in ours
        for name, member in vars(base).items()
        if not name.startswith("_")
        and isinstance(member, (types.FunctionType, classmethod, staticmethod, property, type(exported)))
    ]


def annotations_missing(function: Any, is_method: bool) -> list[str]:
    parameters = list(inspect.signature(function).parameters.values())[1 if is_method else 0 :]
    missing = [parameter.name for parameter in parameters if parameter.annotation is parameter.empty]
    return missing + (["return"] if "return" not in function.__annotations__ else [])


def test_the_faces_of_this_version_are_there() -> None:
    assert {"otp", "otp.trace", "otp.testing"} <= set(FACES)


def test_the_faces_need_no_import_of_their_own() -> None:
    program = "import otp; print(otp.sys.get_state, otp.code.reload, otp.observer, otp.testing.Scheduler)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)


def test_every_promised_name_is_exported() -> None:
    assert set() == PROMISED - set(exported("otp"))


@pytest.mark.parametrize("face", FACES)
def test_each_name_is_exported_once(face: str) -> None:
    assert [] == [name for name, count in Counter(exported(face)).items() if count > 1]


@pytest.mark.parametrize("face", FACES)
def test_no_private_name_is_exported(face: str) -> None:
    assert [] == [name for name in exported(face) if name.startswith("_")]


@pytest.mark.parametrize("face", FACES)
def test_whatever_looks_public_is_exported(face: str) -> None:
    module = importlib.import_module(face)
    looks_public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and isinstance(value, (type, types.FunctionType))
        and (value.__module__ == face or (face == "otp" and value.__module__.startswith("otp.")))
    }
    assert set() == looks_public - set(exported(face))


def test_no_two_names_mean_the_same_thing() -> None:
    homes: dict[int, list[str]] = {}
    for face in FACES:
        for name, thing in exported_objects(face):
            if isinstance(thing, (type, types.FunctionType)):
                homes.setdefault(id(thing), []).append(f"{face}.{name}")
    assert [] == [names for names in homes.values() if len(names) > 1]


@pytest.mark.parametrize("face", FACES)
def test_a_face_says_what_it_is_for(face: str) -> None:
    assert importlib.import_module(face).__doc__


@pytest.mark.parametrize(("face", "name"), EXPORTS)
def test_a_public_name_is_documented_where_it_is_defined(face: str, name: str) -> None:
    thing = getattr(importlib.import_module(face), name)
    if isinstance(thing, (type, types.FunctionType)):
        assert own_docstring(thing)


@pytest.mark.parametrize(("face", "name"), EXPORTS)
def test_the_methods_of_a_public_class_are_documented(face: str, name: str) -> None:
    thing = getattr(importlib.import_module(face), name)
    methods = public_methods(thing) if isinstance(thing, type) else []
    assert [] == sorted(
        {method for method, function in methods if not inspect.getdoc(getattr(thing, method, function))}
    )


@pytest.mark.parametrize(("face", "name"), EXPORTS)
def test_a_public_function_is_typed(face: str, name: str) -> None:
    thing = getattr(importlib.import_module(face), name)
    if isinstance(thing, types.FunctionType):
        assert [] == annotations_missing(thing, is_method=False)
    if isinstance(thing, type):
        functions = [(n, f) for n, f in public_methods(thing) if isinstance(f, types.FunctionType)]
        static = {n for base in thing.__mro__ for n, m in vars(base).items() if isinstance(m, staticmethod)}
        assert {} == {n: missing for n, f in functions if (missing := annotations_missing(f, n not in static))}


BEHAVIOURS = (
    otp.Agent,
    otp.Application,
    otp.DynamicSupervisor,
    otp.GenServer,
    otp.GenStateMachine,
    otp.OsProcess,
    otp.PartitionSupervisor,
    otp.Registry,
    otp.Supervisor,
    otp.Task,
    otp.TaskSupervisor,
)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda cls: cls.__name__)
def test_help_of_a_behaviour_begins_with_an_example_that_runs(behaviour: type) -> None:
    assert ">>> otp.run(main)" in str(behaviour.__doc__)
