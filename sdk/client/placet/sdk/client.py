"""The clients: `AsyncClient` for asyncio, `Client` with the same methods for code without an event loop.

Owns how the areas are put together. A test compares the two method by method. For operators there are
`AsyncOperatorClient` and `OperatorClient`.
"""

from typing import Self

from placet.sdk.aio.attestations import Attestations
from placet.sdk.aio.consents import Consents
from placet.sdk.aio.faces import Faces
from placet.sdk.aio.filings import Filings
from placet.sdk.aio.ledger import Ledger
from placet.sdk.aio.legal import LegalPermissions
from placet.sdk.aio.operator import AsyncOperatorClient
from placet.sdk.aio.posture import Postures
from placet.sdk.aio.receipts import Receipts
from placet.sdk.aio.registers import Registers
from placet.sdk.aio.vault import Vault
from placet.sdk.blocking import LoopThread, context, iterator, method
from placet.sdk.config import Config, OperatorConfig
from placet.sdk.session import Sources

__all__ = ("AsyncClient", "AsyncOperatorClient", "Client", "OperatorClient")


class AsyncClient(
    Faces, Consents, Registers, Attestations, Postures, LegalPermissions, Vault, Ledger, Receipts, Filings
):
    """One controller's client, for asyncio. Use it on one event loop, as an async context manager."""


class Client:
    """One controller's client, for code without an event loop; safe for use by several threads.

    Use it as a context manager, or call `close`. Calls made by several threads at once share messages.
    """

    def __init__(self, config: Config, *, sources: Sources | None = None) -> None:
        self._thread = LoopThread.shared()
        self._client = AsyncClient(config, sources=sources)

    @property
    def controller(self) -> str:
        """Whose client this is."""
        return self._client.controller

    @property
    def checkpoint_held(self) -> str | None:
        """The newest checkpoint that was verified (a signed note); see `AsyncClient.checkpoint_held`."""
        return self._client.checkpoint_held

    authorize = method(AsyncClient.authorize)
    authorize_batch = method(AsyncClient.authorize_batch)
    authorize_stream = iterator(AsyncClient.authorize_stream)
    check = method(AsyncClient.check)
    permit = context(AsyncClient.permit)
    record_outcome = method(AsyncClient.record_outcome)

    publish_notice = method(AsyncClient.publish_notice)
    get_notice = method(AsyncClient.get_notice)
    list_notices = method(AsyncClient.list_notices)
    record_notice_served = method(AsyncClient.record_notice_served)
    capture_consent = method(AsyncClient.capture_consent)
    amend_consent = method(AsyncClient.amend_consent)
    withdraw_consent = method(AsyncClient.withdraw_consent)
    get_consent = method(AsyncClient.get_consent)
    list_consents = method(AsyncClient.list_consents)
    open_guardianship = method(AsyncClient.open_guardianship)
    confirm_guardianship = method(AsyncClient.confirm_guardianship)
    get_guardianship = method(AsyncClient.get_guardianship)
    withdraw_guardianship = method(AsyncClient.withdraw_guardianship)

    put_purpose = method(AsyncClient.put_purpose)
    put_site = method(AsyncClient.put_site)
    put_device = method(AsyncClient.put_device)
    put_attestation = method(AsyncClient.put_attestation)
    list_purposes = method(AsyncClient.list_purposes)
    list_sites = method(AsyncClient.list_sites)
    list_devices = method(AsyncClient.list_devices)

    put_assessment = method(AsyncClient.put_assessment)
    list_assessments = method(AsyncClient.list_assessments)
    destroy_assessment = method(AsyncClient.destroy_assessment)
    put_incident = method(AsyncClient.put_incident)
    list_incidents = method(AsyncClient.list_incidents)
    put_deployment = method(AsyncClient.put_deployment)
    list_deployments = method(AsyncClient.list_deployments)
    put_capture_flow = method(AsyncClient.put_capture_flow)
    list_capture_flows = method(AsyncClient.list_capture_flows)
    put_alternative = method(AsyncClient.put_alternative)
    list_alternatives = method(AsyncClient.list_alternatives)
    put_alternative_usage = method(AsyncClient.put_alternative_usage)
    list_alternative_usage = method(AsyncClient.list_alternative_usage)
    posture = method(AsyncClient.posture)
    filing_status = method(AsyncClient.filing_status)
    record_filing = method(AsyncClient.record_filing)
    put_filing_facts = method(AsyncClient.put_filing_facts)
    export_filing = method(AsyncClient.export_filing)

    register_approver = method(AsyncClient.register_approver)
    request_legal_permission = method(AsyncClient.request_legal_permission)
    approve_legal_permission = method(AsyncClient.approve_legal_permission)
    issue_legal_permission = method(AsyncClient.issue_legal_permission)
    revoke_legal_permission = method(AsyncClient.revoke_legal_permission)
    get_legal_permission = method(AsyncClient.get_legal_permission)
    permit_keys = method(AsyncClient.permit_keys)

    enrol = method(AsyncClient.enrol)
    match = method(AsyncClient.match)
    destroy = method(AsyncClient.destroy)
    holding = method(AsyncClient.holding)

    checkpoint = method(AsyncClient.checkpoint)
    consistency = method(AsyncClient.consistency)
    entry = method(AsyncClient.entry)
    bundle = method(AsyncClient.bundle)
    explain = method(AsyncClient.explain)
    check_receipt = method(AsyncClient.check_receipt)
    check_receipts = method(AsyncClient.check_receipts)
    search_page = method(AsyncClient.search_page)
    search = iterator(AsyncClient.search)
    export = iterator(AsyncClient.export)
    get_controller = method(AsyncClient.get_controller)
    tile = method(AsyncClient.tile)

    close = method(AsyncClient.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class OperatorClient:
    """An operator's client, for code without an event loop."""

    def __init__(self, config: OperatorConfig, *, sources: Sources | None = None) -> None:
        self._thread = LoopThread.shared()
        self._client = AsyncOperatorClient(config, sources=sources)

    create_controller = method(AsyncOperatorClient.create_controller)
    close_controller = method(AsyncOperatorClient.close_controller)
    get_controller = method(AsyncOperatorClient.get_controller)
    close = method(AsyncOperatorClient.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
