"""The small shop that the offline model is tested in is like the real one."""

from shop.assistant.model.client import tool_schemas
from tests.companions.offline_model.fake_shop import TOOLS, FakeShop, catalogue


def test_its_tools_are_those_that_a_model_is_given() -> None:
    """The same names with the same arguments: what is tested here can be called there."""
    real = {tool["name"]: set(tool["parameters"]["properties"]) for tool in tool_schemas()}
    assert {name: set(arguments) for name, arguments in TOOLS.items()} == real


def test_the_facts_of_the_story_hold() -> None:
    """Two mugs, and exactly three black hoodies under 60 in L, in this order: labels build on them."""
    assert [product["product"] for product in catalogue() if product["category"] == "mugs"] == [
        "refresh-token-mug",
        "teapot-mug",
    ]
    wanted = {"category": "hoodies", "colour": "black", "size": "L", "max_price": 6000}
    found = FakeShop().call("search_products", wanted)["result"]["products"]
    assert [(product["name"], product["price"]["minor"]) for product in found] == [
        ("Unauthorized", 5400),
        ("Long Context", 5800),
        ("Least Privilege", 4900),
    ]
