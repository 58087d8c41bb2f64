"""Each promise of the soak, broken once: the sentence that names it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

import otp

from .soak.load import Results
from .soak.measurements import Growth, Sample, growth
from .soak.promises import (
    broken_by_connections,
    broken_by_growth,
    broken_by_log,
    broken_by_programs,
    broken_by_requests,
)

ONE, TWO = UUID(int=1), UUID(int=2)
PAID = {"payment": "payment-1", "status": "paid"}


def test_an_accepted_order_without_an_outcome_is_found():
    results = Results(accepted={ONE: 100, TWO: 100})
    assert list(broken_by_requests(results, {ONE: PAID}, 0, {str(ONE): PAID})) == [
        f"expected every accepted order to have an outcome, got 1 without, such as {TWO}"
    ]


def test_two_charges_for_one_order_are_found():
    charges = {str(ONE): PAID, str(TWO): {"payment": "payment-2", "status": "paid"}}
    [broken] = broken_by_requests(Results(accepted={ONE: 100}), {ONE: PAID}, 0, charges)
    assert broken.startswith("expected one charge for each of 1 orders, got 2")


def test_an_error_is_found():
    results = Results()
    results.answers[500] += 1
    assert list(broken_by_requests(results, {}, 0, {})) == ["expected the answers 200, 202 and 503, got {500: 1}"]


def test_a_begun_request_without_an_answer_is_found(tmp_path: Path):
    begun = tmp_path / "begun"
    begun.write_text("1\n2\n", encoding="ascii")
    turned_away, worked_on = {3: "PUT: closed"}, {2: "PUT: closed"}
    assert list(broken_by_connections(turned_away, begun, 1)) == []
    assert list(broken_by_connections(turned_away, begun, 0)) == [
        "expected at most 5 requests turned away by each of 0 stops, got 1"
    ]
    assert list(broken_by_connections(turned_away | worked_on, begun, 1)) == [
        "expected an answer to every request that was begun, got 1 broken connections: PUT: closed"
    ]


def test_a_wrong_end_of_the_service_is_found():
    assert list(broken_by_programs([0, -15], [1.0, 2.0])) == []
    assert len(list(broken_by_programs([1, -9], [25.0]))) == 2


def test_growth_is_measured_in_the_last_run_after_its_warm_up():
    first_run = [Sample(at, 1, 500, 500, 2) for at in range(10)]
    last_run = [Sample(at, 2, 50 + min(at, 12), 20 + at, 2) for at in range(10, 20)]
    assert growth([*first_run, *last_run]) == Growth(9, (62, 62), (32.5, 38.5))


GROWN = {"memory": Growth(90, (80, 97), (20, 20)), "descriptors": Growth(90, (80, 80), (20, 37))}


@pytest.mark.parametrize("kind", GROWN)
def test_growth_is_found(kind: str):
    [broken] = broken_by_growth([Sample(0, 1, 80, 20, 9)], GROWN[kind])
    assert kind in broken


def test_connections_of_clients_that_stay_are_found():
    stay = Sample(0, 1, 80, 70, 9, Counter(client=50))
    assert stay.own_descriptors == 20
    [broken] = broken_by_growth([stay], Growth(90, (80, 80), (20, 20)))
    assert broken == "expected a connection for each of 40 clients, got 50"


def test_too_many_connections_to_the_database_are_found():
    [broken] = broken_by_growth([Sample(0, 1, 80, 20, 19)], Growth(90, (80, 80), (20, 20)))
    assert broken == "expected at most 18 connections to PostgreSQL, got 19"


@pytest.mark.parametrize(
    "line",
    [
        "Task was destroyed but it is pending!",
        "Future exception was never retrieved",
        "ResourceWarning: unclosed <socket>",
    ],
)
def test_a_line_that_no_service_should_log_is_found(tmp_path: Path, line: str):
    log = tmp_path / "log"
    log.write_text(f"started\n{line}\n", encoding="utf-8")
    assert list(broken_by_log(log)) == [f"log:2: expected no such line, got {line}"]


def test_an_error_that_no_fault_explains_is_found(tmp_path: Path):
    log = tmp_path / "log"
    traceback = "Traceback (most recent call last):\n  File x\n{}\n"
    closed = traceback.format("asyncpg.exceptions.ConnectionDoesNotExistError: closed")
    expected = closed + traceback.format(f"{otp.ServerDown.__module__}.ServerDown: call to 'payments' failed: 'crash'")
    log.write_text(expected + traceback.format("KeyError: 'a bug'"), encoding="utf-8")
    assert list(broken_by_log(log)) == ["log:9: expected no crash but for a lost connection, got KeyError: 'a bug'"]
