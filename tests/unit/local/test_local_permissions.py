"""permissions.yaml: strictly read, in step with the services, and turned into terms that allow nothing else."""

import importlib
from pathlib import Path

import pytest
import yaml

from placet.local.errors import PermissionsMalformed
from placet.local.permissions import Allowed, Permissions, default_path, load


def written(tmp_path: Path, change: dict[str, object]) -> Path:
    whole = yaml.safe_load(default_path().read_text())
    whole["services"]["vault"] |= change
    path = tmp_path / "permissions.yaml"
    path.write_text(yaml.safe_dump(whole))
    return path


def test_the_file_of_the_repository_is_read_and_has_every_service() -> None:
    assert set(load().services) == {"audit", "consent", "permission", "vault", "gateway", "admin"}


@pytest.mark.parametrize("service", ["consent", "permission", "vault"])
def test_each_durable_consumer_is_the_one_its_service_asks_for(service: str) -> None:
    its = importlib.import_module(f"placet.{service}.consumer")
    assert {its.DURABLE: set(its.FILTERS)} == {
        durable: set(filters) for durable, filters in load().services[service].consumers.items()
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"publish": "placet.>"}, "services.vault.publish"),
        ({"subscribe": [1]}, "services.vault.subscribe"),
        ({"answers": "yes"}, "services.vault.answers"),
        ({"consumers": ["vault"]}, "services.vault.consumers"),
        ({"consumers": {"vault": ">"}}, "services.vault.consumers.vault"),
        ({"anything": []}, "services.vault"),
    ],
)
def test_what_is_not_as_it_should_be_is_named(tmp_path: Path, change: dict[str, object], field: str) -> None:
    with pytest.raises(PermissionsMalformed, match=f"{field} "):
        load(written(tmp_path, change))


@pytest.mark.parametrize("text", ["services: {", "[]", "services: {audit: {}}", "services: {}\nother: 1"])
def test_a_file_that_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "permissions.yaml"
    path.write_text(text)
    with pytest.raises(PermissionsMalformed):
        load(path)


def test_whoever_may_publish_nothing_is_denied_everything() -> None:
    # An empty list of what is allowed would mean, to the server, that all is allowed.
    none = Allowed(service="gateway", publish=(), subscribe=(), answers=False, consumers={})
    terms = Permissions(services={"gateway": none}).server_terms("gateway")
    assert terms == {"publish": {"deny": [">"]}, "subscribe": {"allow": ["_INBOX_gateway.>"]}}


def test_no_service_but_admin_may_make_a_consumer_or_touch_a_stream() -> None:
    for name, allowed in load().services.items():
        calls = {subject for subject in allowed.publishes() if subject.startswith("$JS.API")}
        harmless = ("$JS.API.STREAM.INFO.", "$JS.API.CONSUMER.INFO.", "$JS.API.CONSUMER.MSG.NEXT.")
        if name != "admin":
            assert all(call.startswith(harmless) for call in calls), name
