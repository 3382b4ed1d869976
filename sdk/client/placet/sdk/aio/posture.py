"""The posture of a controller: how it stands with each rule of the law. A report, not evidence: nothing is appended."""

from placet.api.permission.v1 import posture_pb2 as pb
from placet.evidence.words import Language
from placet.sdk.aio.base import Area
from placet.sdk.model.posture import Posture
from placet.sdk.transport import methods
from placet.sdk.wire.posture import posture_of


class Postures(Area):
    """What the person in charge of compliance reads."""

    async def posture(self, *, language: Language | str = Language.EN, timeout: float | None = None) -> Posture:
        """Return how the controller stands with R1 to R16, in words of `language` (`en` or `zh-CN`)."""
        request = pb.GetPostureRequest(controller=self.controller, language=str(language))
        answer = await self._session.call(methods.GET_POSTURE, request, self._session.deadline(timeout))
        return posture_of(self.controller, str(language), answer)
