"""The public surface: frozen names, equal clients, every RPC reachable, no protobuf in a signature."""

import dataclasses
import enum
import inspect
import typing
from importlib import import_module

import pytest

import placet.sdk as sdk
from placet.api.audit.v1 import audit_pb2
from placet.api.consent.v1 import consent_pb2
from placet.api.permission.v1 import filing_pb2, permission_pb2, register_pb2
from placet.api.vault.v1 import vault_pb2
from placet.sdk.transport import methods
from placet.sdk.transport.methods import Method

# Frozen: to add a name is a decision, to remove one a new major version.
NAMES = """
AlreadyExists Alternative AlternativeUsage AmendedConsent Approved Approver ApproverRole Assessment AsyncClient
AsyncOperatorClient Attestation Audience BasisOrdinal CaptureFlow CapturedConsent Channel Checked CheckedReceipt
CheckpointFile CheckpointStore Choice Client Coalescing Confidence Config ConfigError Conflict Consent ConsentState
ControllerDetails ControllerState Corrupt Customer Decision Denied Deployment Destroyed Device DutyState EndedBy
Enrolled Exhausted ExplainedArticle Explanation Expression FaceEvent Filing FilingDocument FilingDuty FilingFacts
FilingForecast FilingKind FilingStatus Filter Forbidden Form GuardianKind Guardianship GuardianshipState Holding
Holdings Incident Inference Internal Invalid IssuedPermission Kind Language LeafIndex LedgerEntry LegalApproval
LegalCode LegalDraft LegalPermission LegalRequest LegalState LogCheckpoint Match Measure MeasureAttestation Micros
NationalChannel NotFound NotServed Notice NoticeText Operation OperatorClient OperatorConfig Page PermitWish
Permitted PersonRange PlaceClass PlacetError Posture PostureArticle PostureEvidence PostureFinding PosturePoint
PostureState Precondition ProofBundle ProofError PublishedNotice Purpose Reason Receipt ReceiptFolder ReceiptStore
ReferenceKey RetentionAnchor RevokedPermission Site Standing StockDay Storage SubjectRef SubjectReferences Targets
Template Tls TokenFile Unauthenticated Unreachable Verdict WithdrawnConsent WithdrawnGuardianship Wording
""".split()  # noqa: SIM905
AREAS = (
    *("faces", "stream", "consents", "registers", "attestations", "posture"),
    *("legal", "vault", "ledger", "receipts", "filings", "operator"),
)
PAIRS = ((sdk.AsyncClient, sdk.Client), (sdk.AsyncOperatorClient, sdk.OperatorClient))


def public(kind: type) -> dict[str, object]:
    return {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}


def test_the_names_are_frozen() -> None:
    assert sorted(sdk.__all__) == sorted(NAMES)
    assert all(hasattr(sdk, name) for name in sdk.__all__)


@pytest.mark.parametrize(("asynchronous", "plain"), PAIRS, ids=lambda kind: kind.__name__)
def test_both_clients_have_the_same_methods_with_the_same_signatures(asynchronous: type, plain: type) -> None:
    assert sorted(public(asynchronous)) == sorted(public(plain))
    for name, method in public(asynchronous).items():
        other = public(plain)[name]
        if isinstance(method, property):
            assert isinstance(other, property)
            continue
        assert inspect.signature(method).parameters == inspect.signature(other).parameters  # type: ignore[arg-type]
        assert method.__doc__ == other.__doc__  # type: ignore[attr-defined]
        assert other.__wrapped__ in (method, getattr(method, "__wrapped__", None))  # type: ignore[attr-defined]


def test_a_blocking_method_is_of_the_kind_that_its_model_is() -> None:
    """A coroutine wrapped as an iterator, say, would only fail when called."""
    for name, method in public(sdk.AsyncClient).items():
        if isinstance(method, property):
            continue
        if inspect.iscoroutinefunction(method):
            maker = "method"
        else:
            maker = "iterator" if inspect.isasyncgenfunction(method) else "context"
        code = getattr(sdk.Client, name).__code__
        made = "contextmanager.<locals>.helper" if maker == "context" else f"{maker}.<locals>.call"
        assert code.co_qualname == made, name


def test_every_rpc_has_its_method_and_is_called_by_the_client() -> None:
    files = (audit_pb2, consent_pb2, filing_pb2, permission_pb2, register_pb2, vault_pb2)
    rpcs = {
        f"/{service.full_name}/{rpc.name}": rpc
        for file in files
        for service in file.DESCRIPTOR.services_by_name.values()
        for rpc in service.methods
    }
    table = {value.path: (name, value) for name, value in vars(methods).items() if isinstance(value, Method)}
    assert set(table) == set(rpcs)
    callers = ("session", "coalesce", *(f"aio.{name}" for name in AREAS))
    sources = "".join(inspect.getsource(import_module(f"placet.sdk.{name}")) for name in callers)
    for path, (name, method) in table.items():
        assert rpcs[path].input_type == method.request.DESCRIPTOR
        assert rpcs[path].output_type == method.answer.DESCRIPTOR
        assert method.seen is ("seen" in rpcs[path].input_type.fields_by_name)
        assert f"{name}" in sources, f"no method of the client calls {path}"


def hints(found: object) -> list[object]:
    if inspect.isclass(found) and dataclasses.is_dataclass(found):
        return list(typing.get_type_hints(found).values())
    if inspect.isclass(found) and not issubclass(found, enum.Enum | BaseException):
        members = [inspect.unwrap(one) for one in public(found).values() if callable(one)]
        return [hint for one in members for hint in typing.get_type_hints(one).values()]
    return []


@pytest.mark.parametrize("name", sdk.__all__)
def test_no_protobuf_type_is_in_a_public_signature(name: str) -> None:
    for hint in hints(getattr(sdk, name)):
        assert "_pb2" not in repr(hint)
        assert "google." not in repr(hint)


@pytest.mark.parametrize("name", sdk.__all__)
def test_everything_public_is_documented(name: str) -> None:
    found = getattr(sdk, name)
    assert inspect.getdoc(found) or name == "Customer"  # a union of types has none of its own
    if inspect.isclass(found) and found.__module__.startswith("placet.sdk"):
        for member in public(found).values():
            if inspect.isfunction(member) and member.__module__.startswith("placet.sdk"):
                assert member.__doc__, f"{name}.{member.__name__}"


@pytest.mark.parametrize("name", [name for name in sdk.__all__ if dataclasses.is_dataclass(getattr(sdk, name))])
def test_values_are_frozen_with_slots_and_keywords(name: str) -> None:
    kind = getattr(sdk, name)
    if kind is sdk.Permitted:  # its outcome is there to be set
        return
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)
    assert all(one.kw_only for one in dataclasses.fields(kind))
