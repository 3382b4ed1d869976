"""Templates to protobuf, holdings from it, and what a permit says of its event."""

import base64
import json

from placet.api.vault.v1 import vault_pb2 as pb
from placet.sdk.errors import Invalid
from placet.sdk.ids import micros
from placet.sdk.model.vault import Holding, Template
from placet.sdk.vocabulary import Micros


def template_to_pb(template: Template) -> pb.Template:
    """Return the message of a template; raises Invalid naming the field."""
    return pb.Template(
        vector=template.vector,
        dimension=template.dimension,
        model_id=template.model_id,
        model_sha256=template.model_sha256,
        quality=template.quality,
        captured_at=micros("captured_at", template.captured_at),
    )


def holding_of(holding: pb.Holding) -> Holding:
    """Return what is stored."""
    return Holding(
        template_id=holding.template_id,
        model_id=holding.model_id,
        dimension=holding.dimension,
        quality=holding.quality,
        enrolled_at=Micros(holding.enrolled_at),
    )


def event_of_permit(permit: str) -> int:
    """Return the ledger index of the event that a permit names; it is compared with the `use` entry.

    The permit's signature is the vault's to check. Raises Invalid if the text is no permit.
    """
    try:
        payload = permit.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        index = claims["event"]["index"]
    except (ValueError, LookupError, TypeError) as error:
        raise Invalid("PERMIT_INVALID", "this is no permit; take an allowed decision's", field="permit") from error
    if type(index) is not int:
        raise Invalid("PERMIT_INVALID", "the permit names no event", field="permit")
    return index
