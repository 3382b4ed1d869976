"""The registers: purposes, sites, devices, attestations. Every change is a proven ledger entry.

What they offer instead of the face is remembered, so that `Unreachable` can name it when nothing answers (R9).
"""

from placet.api.permission.v1 import register_pb2 as pb
from placet.sdk.aio.base import Area
from placet.sdk.aio.proving import prove_record
from placet.sdk.model.ledger import Receipt
from placet.sdk.model.registers import Attestation, Device, Purpose, Site
from placet.sdk.transport import methods
from placet.sdk.wire.registers import (
    attestation_to_pb,
    device_of,
    device_to_pb,
    purpose_of,
    purpose_to_pb,
    site_of,
    site_to_pb,
)


class Registers(Area):
    """What a controller registers. Putting the same content again changes nothing and returns its receipt."""

    async def put_purpose(self, purpose: Purpose, *, timeout: float | None = None) -> Receipt:
        """Register a purpose, or a new version of it."""
        deadline = self._session.deadline(timeout)
        request = pb.PutPurposeRequest(controller=self.controller, purpose=purpose_to_pb(purpose))
        answer = await self._session.call(methods.PUT_PURPOSE, request, deadline)
        self._offer("purpose", purpose.id, purpose.alternative)
        return await prove_record(
            self._session, answer.receipt, "register.purpose_put", {"purpose": purpose.id}, deadline
        )

    async def put_site(self, site: Site, *, timeout: float | None = None) -> Receipt:
        """Register a site, or a new version of it."""
        deadline = self._session.deadline(timeout)
        request = pb.PutSiteRequest(controller=self.controller, site=site_to_pb(site))
        answer = await self._session.call(methods.PUT_SITE, request, deadline)
        return await prove_record(self._session, answer.receipt, "register.site_put", {"site": site.id}, deadline)

    async def put_device(self, device: Device, *, timeout: float | None = None) -> Receipt:
        """Register a device, or a new version of it.

        Raises Forbidden (PLACE_FORBIDDEN) for a hotel room, restroom, bathroom or changing room: there is no override.
        """
        deadline = self._session.deadline(timeout)
        request = pb.PutDeviceRequest(controller=self.controller, device=device_to_pb(device))
        answer = await self._session.call(methods.PUT_DEVICE, request, deadline)
        self._offer("device", device.id, device.alternative)
        return await prove_record(self._session, answer.receipt, "register.device_put", {"device": device.id}, deadline)

    async def put_attestation(self, attestation: Attestation, *, timeout: float | None = None) -> Receipt:
        """Attest protection measures, filing and capture flow."""
        deadline = self._session.deadline(timeout)
        request = pb.PutAttestationRequest(controller=self.controller, attestation=attestation_to_pb(attestation))
        answer = await self._session.call(methods.PUT_ATTESTATION, request, deadline)
        return await prove_record(self._session, answer.receipt, "register.attestation_put", {}, deadline)

    async def list_purposes(self, *, timeout: float | None = None) -> tuple[Purpose, ...]:
        """Return the registered purposes."""
        request = pb.ListPurposesRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_PURPOSES, request, self._session.deadline(timeout))
        purposes = tuple(purpose_of(purpose) for purpose in answer.purposes)
        for purpose in purposes:
            self._offer("purpose", purpose.id, purpose.alternative)
        return purposes

    async def list_sites(self, *, timeout: float | None = None) -> tuple[Site, ...]:
        """Return the registered sites."""
        request = pb.ListSitesRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_SITES, request, self._session.deadline(timeout))
        return tuple(site_of(site) for site in answer.sites)

    async def list_devices(self, *, timeout: float | None = None) -> tuple[Device, ...]:
        """Return the registered devices."""
        request = pb.ListDevicesRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_DEVICES, request, self._session.deadline(timeout))
        devices = tuple(device_of(device) for device in answer.devices)
        for device in devices:
            self._offer("device", device.id, device.alternative)
        return devices

    def _offer(self, kind: str, ident: str, alternative: str) -> None:
        if alternative:
            self._session.alternatives[kind, ident] = alternative
        else:
            self._session.alternatives.pop((kind, ident), None)
