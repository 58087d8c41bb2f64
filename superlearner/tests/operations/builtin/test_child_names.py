"""Children are named as pages show them: by the name of the process, as well as by the id of the child."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otp import Children, GenServer, Ok, Registry, Supervisor, impl
from superlearner.app.running import Tree

AT = "/api/v1/supervisors/warehouse"


class Pricing(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


class Shelf(Pricing):
    """Two of them have equal registry keys, and so equal display names."""


class Warehouse(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [
                Registry.child_spec(keys="unique", name="left"),
                Registry.child_spec(keys="unique", name="right"),
                Pricing.child_spec(None, name="pricing"),
                Pricing.child_spec(None, id="stock", name="shelves"),
                Pricing.child_spec(None, id="shelves", name="stock"),
                Shelf.child_spec(None, id="a", name=Registry.via("left", "7")),
                Shelf.child_spec(None, id="b", name=Registry.via("right", "7")),
            ]
        )


TREE = Tree("warehouse", lambda: Warehouse.start_link(None, name="warehouse"))


@pytest.mark.everywhere
@pytest.mark.operation("supervisor.predict", "supervisor.restart_child", "supervisor.terminate_child")
@pytest.mark.operation("supervisor.delete_child", "supervisor.bulk_children", "supervisor.child_spec")
def test_a_child_is_found_by_the_name_that_pages_show(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        async def ask(method: str, path: str, body: Any = None) -> Any:
            answer = await platform.client.request(method, f"{AT}{path}", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()["data"]

        assert (await ask("GET", "/children/pricing/predict"))["child"] == "Pricing"
        assert (await ask("GET", "/children/pricing/spec"))["id"] == "Pricing"
        assert (await ask("POST", "/children/pricing/restart"))["id"] == "Pricing"
        assert (await ask("POST", "/children/pricing/terminate"))["id"] == "Pricing"
        assert (await ask("POST", "/children/pricing/restart"))["pid"], "a stopped child keeps its name"
        bulk = {"action": "terminate", "children": ["pricing"]}
        assert (await ask("POST", "/children/bulk", bulk))["results"][0]["ok"]
        assert (await ask("DELETE", "/children/pricing"))["id"] == "Pricing"
        left = await ask("GET", "/children")
        assert "Pricing" not in [one["id"] for one in left]

    inside(test, TREE)


def test_the_id_of_a_child_comes_before_the_name_of_another(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        for id in ("stock", "shelves"):
            answer = await platform.client.get(f"{AT}/children/{id}/predict")
            assert answer.json()["data"]["child"] == id

    inside(test, TREE)


def test_a_name_that_fits_no_child_or_several_names_those_that_were_meant(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        async def refusal(text: str) -> str:
            answer = await platform.client.get(f"{AT}/children/{text}/predict")
            assert answer.json()["error"]["code"] == "child_not_found", answer.text
            return answer.json()["error"]["message"]

        assert (await refusal("pricng")).endswith("of warehouse; did you mean Pricing (named pricing)?")
        assert (await refusal("PRICING")).endswith("of warehouse; did you mean Pricing (named pricing)?")
        assert (await refusal("Shelf 7")).endswith("did you mean a (named Shelf 7) or b (named Shelf 7)?")
        assert (await refusal("nobody")).endswith("there is no child 'nobody' of warehouse")

    inside(test, TREE)
