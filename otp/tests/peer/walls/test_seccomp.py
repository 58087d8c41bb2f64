"""The filter of system calls, as the kernel would run it."""

from __future__ import annotations

import struct

import pytest

from otp.peer.walls.seccomp import ALLOW, ARCHITECTURES, KILL, REFUSED, program

READ = {"x86_64": 0, "aarch64": 63}


def verdict(architecture: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """Return the filter's answer to a system call by interpreting its instructions."""
    code = list(struct.iter_unpack("@HBBI", program(architecture)))
    data = {0: number, 4: ARCHITECTURES[architecture].audit if audit is None else audit}
    data |= {16 + 8 * which: value for which, value in enumerate((*arguments, 0, 0, 0)[:3])}
    at = accumulator = 0
    while True:
        what, yes, no, value = code[at]
        at += 1
        match what:
            case 0x20:
                accumulator = data[value]
            case 0x15:
                at += yes if accumulator == value else no
            case 0x35:
                at += yes if accumulator >= value else no
            case 0x45:
                at += yes if accumulator & value else no
            case _:
                return value


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_every_call_of_the_list_is_refused_and_an_ordinary_one_is_not(architecture: str) -> None:
    column = list(ARCHITECTURES).index(architecture)
    allowed = [
        name
        for name, numbers in REFUSED.items()
        if (number := numbers[column]) is not None and verdict(architecture, number) == ALLOW
    ]
    assert [] == allowed
    assert ALLOW == verdict(architecture, READ[architecture])


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_a_process_may_fork_and_make_no_namespace(architecture: str) -> None:
    clone = ARCHITECTURES[architecture].clone
    assert ALLOW == verdict(architecture, clone, 17)
    assert ALLOW != verdict(architecture, clone, 0x10000000 | 17)


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_unix_sockets_are_the_only_ones(architecture: str) -> None:
    known = ARCHITECTURES[architecture]
    for number in (known.socket, known.socketpair):
        assert ALLOW == verdict(architecture, number, 1)
        assert ALLOW not in [verdict(architecture, number, family) for family in (2, 10, 16, 17, 38, 40)]


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_buffers_of_sockets_and_pipes_keep_their_size(architecture: str) -> None:
    known = ARCHITECTURES[architecture]
    assert ALLOW not in [verdict(architecture, known.setsockopt, 3, 1, size) for size in (7, 8, 32, 33)]
    assert ALLOW == verdict(architecture, known.setsockopt, 3, 1, 2)
    assert ALLOW not in [verdict(architecture, known.fcntl, 3, command) for command in (1024, 1026, 1031)]
    assert [ALLOW, ALLOW] == [verdict(architecture, known.fcntl, 3, command) for command in (1, 6)]


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_the_signal_of_the_parents_death_stays_and_memory_is_never_written_to_a_file(architecture: str) -> None:
    prctl = ARCHITECTURES[architecture].prctl
    assert ALLOW not in [verdict(architecture, prctl, 1), verdict(architecture, prctl, 4, 1)]
    assert ALLOW == verdict(architecture, prctl, 15)


def test_calls_of_another_architecture_kill() -> None:
    assert KILL == verdict("x86_64", 0, audit=0x40000003)
    assert ALLOW != verdict("x86_64", 0x40000000)


def test_on_an_unknown_architecture_there_is_no_filter() -> None:
    with pytest.raises(OSError, match="expected one of x86_64, aarch64, got mips"):
        program("mips")
