"""What can be wrong with an entry, a draft, an admission, a bundle: each error names field, reason and next step.

The evidence that a refusal rests on travels with it; `diagnostics()` says it in words for people. Nothing here decides
anything. Errors of proofs, notes and checkpoints are `placet.tlog.errors`.
"""

from placet.evidence.reasons import Refusal
from placet.evidence.words import Statement, say
from placet.tlog.errors import TlogError


class EvidenceError(Exception):
    """The root of all errors of `placet.evidence`.

    `reason` is a stable code, `field` the path of the refused field (`event.permit.max_uses`), the message a sentence.
    """

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
        self.message = message

    def diagnostics(self) -> str:
        """Return the error as a few lines for people."""
        return f"{self.reason} ({self.field}): {self}"


class FieldError(EvidenceError):
    """A value that its field cannot hold."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("FIELD_INVALID", field, message)


class CanonicalError(EvidenceError):
    """JSON that has no canonical form, or bytes that are not in it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("NOT_CANONICAL", field, message)


class EntryError(EvidenceError):
    """Bytes that are no entry."""


class DraftError(EvidenceError):
    """A request to append that is malformed; nothing was appended. Correct the field, then ask again."""


class BundleError(EvidenceError):
    """A bundle, receipt or fraud proof whose JSON is malformed."""


class AdmissionRefused(EvidenceError):
    """The rules refuse to append this; nothing was appended. `reason` is a `Refusal`."""

    def __init__(self, reason: Refusal, field: str, message: str) -> None:
        super().__init__(reason, field, message)


class MissingFact(EvidenceError):
    """A view was asked for a fact that must exist and was not loaded: a defect of whoever made the view."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("MISSING_FACT", field, message)


class ReplayError(EvidenceError):
    """An entry that the rules would not have put where it stands. `index` is the first one; trust nothing after it.

    `expected` is the entry that the rules give instead, if they give one.
    """

    def __init__(self, reason: str, field: str, message: str, *, index: int, expected: object = None) -> None:
        super().__init__(reason, field, message)
        self.index = index
        self.expected = expected

    def diagnostics(self) -> str:
        """Return the error with the index of the entry."""
        return f"{self.reason} (entry {self.index}, {self.field}): {self}"


class VerifyError(EvidenceError):
    """Evidence that does not prove what it claims. The statement can be said in any language of `words`.

    A refused proof of the tree below is its `__cause__` and carries all hashes.
    """

    def __init__(self, field: str, statement: Statement) -> None:
        super().__init__(statement.saying, field, say(statement))
        self.statement = statement

    def diagnostics(self) -> str:
        """Return the refusal, and the proof that it rests on if there is one."""
        lines = [super().diagnostics()]
        if isinstance(self.__cause__, TlogError | EvidenceError):
            lines.append(self.__cause__.diagnostics())
        return "\n".join(lines)
