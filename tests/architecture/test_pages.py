"""The generated pages are fresh, and the protos they are made from say what everything is."""

import re
from pathlib import Path

import pytest
from architecture import rpcs_page, settings_page
from architecture.make_docs import PAGES
from architecture.workspace import ROOT, sources
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from placet.api.common.v1 import access_pb2
from placet.kit.settings import describe

VARIABLE = re.compile(r"\bPLACET_[A-Z][A-Z_]*[A-Z]\b")
# Names that look like variables and are none.
NO_VARIABLE = {"PLACET_DEAD"}
TIME = re.compile(r"(.*_)?(at|until|not_before|not_after|occurred|expires|from)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_is_fresh(page: Path) -> None:
    # If not: make docs
    assert page.read_text("utf-8") == PAGES[page]()


@pytest.mark.parametrize("name", settings_page.SERVICES)
def test_every_setting_is_described(name: str) -> None:
    for setting in describe(settings_page.SERVICES[name]):
        assert setting.description.endswith("."), setting.name


def test_every_settings_class_is_on_the_page() -> None:
    folders = {path.parent.name for path in sources() if path.name == "settings.py"}
    assert folders == {*settings_page.SERVICES, "kit", "local"}


def test_every_variable_in_the_code_is_on_the_page() -> None:
    files = [*sources(), ROOT / "Makefile", ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    mentioned = {name for path in files for name in VARIABLE.findall(path.read_text("utf-8"))}
    assert mentioned - NO_VARIABLE - settings_page.names() == set()


def test_every_rpc_is_on_the_page_with_its_roles() -> None:
    text = rpcs_page.PAGE.read_text("utf-8")
    rpcs = [rpc for _, some in rpcs_page.services() for rpc in some]
    assert len(rpcs) >= 40
    for rpc in rpcs:
        assert f"| {rpc.descriptor.name} | {', '.join(rpcs_page.roles(rpc.descriptor))} |" in text
        assert rpcs_page.roles(rpc.descriptor), rpc.name


def test_every_service_rpc_message_and_enum_has_a_comment() -> None:
    services = [one for service, rpcs in rpcs_page.services() for one in (service, *rpcs)]
    everything = [*services, *rpcs_page.messages(), *rpcs_page.enums()]
    assert len(everything) > 150
    assert [one.name for one in everything if not one.comment.endswith((".", "?"))] == []


def test_every_int64_is_a_time() -> None:
    """As the page says; counts and positions are unsigned."""
    signed = (FieldDescriptorProto.TYPE_INT64, FieldDescriptorProto.TYPE_SINT64, FieldDescriptorProto.TYPE_SFIXED64)
    names = [
        (message.name, field.name)
        for message in rpcs_page.messages()
        for field in message.descriptor.field
        if field.type in signed
    ]
    assert len(names) > 20
    assert [name for name in names if not TIME.fullmatch(name[1])] == []


def test_every_role_is_explained_and_used() -> None:
    used = {role for _, rpcs in rpcs_page.services() for rpc in rpcs for role in rpcs_page.roles(rpc.descriptor)}
    assert used == {name.removeprefix("ROLE_").lower() for name, _ in access_pb2.Role.items()} - {"unspecified"}
