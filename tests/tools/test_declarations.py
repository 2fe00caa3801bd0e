"""What a tool declares: permission, description, types; and that schemas and results are exactly those types."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pydantic import BaseModel

from shop.authorization.permissions import Permission
from shop.principal import CONSENTABLE, Workflow
from shop.tools.presentation import InWidget, Presentation
from shop.tools.registry import TOOLS
from shop.tools.tool import Arguments, Result, Tool
from shop.workflow_words import WORDS

A_TOOL = TOOLS["place_order"]


def test_there_are_exactly_these_tools() -> None:
    """The catalogue by workflow: who adds a tool says here where it belongs."""
    by_workflow = {w: sorted(t.name for t in TOOLS.values() if t.workflow is w) for w in Workflow}
    assert by_workflow == {
        "browse": ["compare_products", "get_product", "search_products"],
        "read": ["check_approval", "get_order", "list_addresses", "list_orders", "view_cart", "what_may_i_do"],
        "transact": ["add_to_cart", "cancel_order", "place_order", "reorder", "undo_cart_change", "update_cart"],
        "support": [],
        "administer": ["remove_address", "save_address"],
    }


@pytest.mark.holds("I6")
def test_no_tool_approves_consents_or_lifts_a_ban() -> None:
    """None of the tools decides a receipt, widens a scope, resumes an assistant or restores a member."""
    changing = {tool.name: tool.permission for tool in TOOLS.values() if not tool.read_only}
    assert changing == {
        "add_to_cart": Permission.CART_WRITE,
        "update_cart": Permission.CART_WRITE,
        "undo_cart_change": Permission.CART_WRITE,
        "reorder": Permission.ORDERS_REORDER,
        "place_order": Permission.ORDERS_PLACE,
        "cancel_order": Permission.ORDERS_CANCEL,
        "save_address": Permission.ADDRESSES_WRITE,
        "remove_address": Permission.ADDRESSES_WRITE,
    }


@pytest.mark.holds("ASI09")
def test_what_cannot_be_undone_by_the_assistant_must_be_confirmed() -> None:
    """Exactly the destructive tools stop for a human; no read ever does."""
    assert {t.name for t in TOOLS.values() if t.destructive} == {"place_order", "cancel_order"}
    assert all(tool.must_be_confirmed == tool.destructive for tool in TOOLS.values())


BROKEN: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "without a permission": ({"permission": None}, TypeError),
    "with a permission that does not exist": ({"permission": "orders:place"}, TypeError),
    "without a workflow": ({"workflow": "transact"}, TypeError),
    "without a presentation": ({"presentation": None}, TypeError),
    "without a description": ({"description": ""}, ValueError),
    "with a name that is no name": ({"name": "Place Order"}, ValueError),
    "that reads and must be confirmed": ({"read_only": True}, ValueError),
    "that must be confirmed and widgets may call": (
        {"presentation": dataclasses.replace(A_TOOL.presentation, widgets_may_call=True)},
        ValueError,
    ),
}


@pytest.mark.parametrize(("change", "error"), BROKEN.values(), ids=BROKEN)
@pytest.mark.holds("ASVS-8.3.1")
def test_a_tool_cannot_be_constructed(change: dict[str, Any], error: type[Exception]) -> None:
    """A tool that forgets a step of the gateway does not come into being."""
    with pytest.raises(error):
        dataclasses.replace(A_TOOL, **change)


@pytest.mark.parametrize("left_out", ["permission", "presentation"])
def test_a_tool_cannot_leave_it_out(left_out: str) -> None:
    """The permission and the presentation are no options with a default."""
    fields = {f.name: getattr(A_TOOL, f.name) for f in dataclasses.fields(Tool) if f.name != left_out}
    with pytest.raises(TypeError, match=left_out):
        Tool(**fields)


@pytest.mark.parametrize("left_out", [field.name for field in dataclasses.fields(Presentation)])
def test_a_presentation_says_everything(left_out: str) -> None:
    """No field has a default: what does not apply to a tool is said explicitly."""
    said = {name: getattr(A_TOOL.presentation, name) for name in vars(A_TOOL.presentation) if name != left_out}
    with pytest.raises(TypeError, match=left_out):
        Presentation(**said)


@pytest.mark.parametrize("words", ["", "x" * 65])
def test_a_widget_comes_with_progress_words(words: str) -> None:
    """A tool whose result a widget shows cannot be declared without what a host writes until it does: `tools/list` needs it."""
    shown = A_TOOL.presentation.in_widget
    assert shown is not None
    with pytest.raises(ValueError, match="progress words"):
        dataclasses.replace(shown, running=words)
    with pytest.raises(TypeError, match="done"):
        InWidget(widget=shown.widget, running="Preparing the order")  # type: ignore[call-arg]


def test_the_catalogue_and_its_tools_cannot_be_changed() -> None:
    """Nobody adds a tool at run time, or bends one."""
    with pytest.raises(TypeError):
        TOOLS["give_away"] = A_TOOL  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        A_TOOL.permission = Permission.CATALOGUE_READ  # type: ignore[misc]


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@pytest.mark.holds("ASI02")
def test_a_schema_is_what_the_types_say(tool: Tool) -> None:
    """A model is shown exactly the fields that are validated, each text and number with its bounds, and none beside them."""
    schema = tool.schema()
    assert set(schema["properties"]) == set(tool.arguments.model_fields)
    required = {name for name, field in tool.arguments.model_fields.items() if field.is_required()}
    assert set(schema.get("required", [])) == required
    assert schema["additionalProperties"] is False
    for name, declared in schema["properties"].items():
        for choice in declared.get("anyOf", [declared.get("items", declared)]):
            assert "items" not in declared or declared["maxItems"] <= 4, name
            match choice["type"]:
                case "string":
                    assert "enum" in choice or choice["maxLength"] <= 200, name
                case "integer":
                    assert "minimum" in choice and "maximum" in choice, name
                case other:
                    assert other in {"boolean", "null"}, name


def models_in(result: type[BaseModel]) -> set[type[BaseModel]]:
    """A result's type and all types in it."""
    found: set[type[BaseModel]] = {result}
    for field in result.model_fields.values():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= models_in(part)
    return found


NOT_FOR_A_MODEL = {"owner", "subject", "organization", "email", "session", "delegation", "membership", "cart_id", "pin"}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@pytest.mark.holds("LLM02", "ASVS-8.2.3")
def test_a_result_is_an_allow_list(tool: Tool) -> None:
    """Every result, and everything in it, refuses a field that is not declared, and declares nobody's identity."""
    assert issubclass(tool.result, Result) and issubclass(tool.arguments, Arguments)
    for model in models_in(tool.result):
        assert model.model_config["extra"] == "forbid", model
        assert not NOT_FOR_A_MODEL & set(model.model_fields), model


def test_each_tool_tells_a_person_what_it_does() -> None:
    """Titles and descriptions are there, and every workflow that can be allowed has its meaning in words."""
    for tool in TOOLS.values():
        assert tool.title and len(tool.description) > 20, tool.name
    assert list(WORDS) == [workflow for workflow in Workflow if workflow in CONSENTABLE]
