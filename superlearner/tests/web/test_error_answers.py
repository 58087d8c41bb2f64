"""Answers for unknown operations and for operations that failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from envelopes import failure

Inside = Callable[..., Any]


def test_unknown_paths_get_the_same_envelope(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for method, path, expected in (
            ("GET", "/api", (404, "operation_not_found")),
            ("GET", "/api/nothing", (404, "operation_not_found")),
            ("POST", "/api/v1/nothing", (404, "operation_not_found")),
            ("PUT", "/api/v1/processes", (405, "method_not_allowed")),
        ):
            assert failure(await platform.client.request(method, path)) == expected

    inside(test)


def test_a_path_that_is_near_one_of_an_operation_is_answered_with_that_one(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for path, meant in (
            ("/api/v1/proceses", "; did you mean /api/v1/processes?"),
            ("/api/v1/proces/counter_1/inf", "; did you mean /api/v1/processes/counter_1/info?"),
            ("/api/processes", "; did you mean /api/v1/processes?"),
            ("/api/v1/nothing/of/it", ""),
        ):
            answer = await platform.client.get(path)
            assert failure(answer) == (404, "operation_not_found")
            assert answer.json()["error"]["message"] == f"there is no GET {path}{meant}"

    inside(test)


def test_an_unsupported_method_gets_the_list_of_supported_ones(inside: Inside) -> None:
    """The router names those of the first operation only."""

    async def test(platform: Any) -> None:
        for path, expected in (
            ("/api/v1/processes", "GET, POST"),
            ("/api/v1/processes/bulk", "POST"),
            ("/api/v1/supervisors/shop/children/a/b", "DELETE"),
            ("/api/v1/supervisors/shop/children/a/b/restart", "POST"),
        ):
            answer = await platform.client.request("OPTIONS", path)
            assert (405, [expected]) == (answer.status_code, answer.headers.get_list("allow"))
            assert answer.json()["error"]["message"] == f"{path} does not take OPTIONS; it takes {expected}"

    inside(test)


def test_a_path_that_is_not_to_be_read_names_the_one_that_is(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for path, hint in (
            ("/api/v1/processes/three", "GET /api/v1/processes/three/info shows it"),
            ("/api/v1/supervisors/shop/children/a", "GET /api/v1/supervisors/shop/children/a/spec shows it"),
            ("/api/v1/processes/three/suspend", "did you mean POST /api/v1/processes/three/suspend?"),
        ):
            error = (await platform.client.get(path)).json()["error"]
            assert error["code"] == "method_not_allowed"
            assert error["details"][0]["hint"] == hint

    inside(test)


def test_a_bug_of_ours_is_an_answer_without_a_traceback(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(platform: Any) -> None:
        def broken(*args: Any, **options: Any) -> Any:
            raise RuntimeError("a secret of ours")

        monkeypatch.setattr("superlearner.operations.builtin.processes.list_processes", broken)
        answer = await platform.client.get("/api/v1/processes")
        assert failure(answer) == (500, "internal_error")
        assert "secret" not in answer.text

    inside(test)


def test_the_page_gets_its_errors_in_the_body(inside: Callable[..., Any]) -> None:
    """A browser writes every other status to its console, as if the page were broken."""

    async def test(platform: Any) -> None:
        answer = await platform.client.get("/api/v1/processes/0.99999.0/info", headers={"prefer": "errors=body"})
        assert answer.status_code == 200
        error = answer.json()["error"]
        assert (answer.json()["success"], error["code"], error["status"]) == (False, "process_not_found", 404)

    inside(test)
