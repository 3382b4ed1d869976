"""What holds a face, a key or a permit does not tell: by repr, text, format, log, pickle, copy, or traceback."""

import copy
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from uuid import UUID

import numpy as np
import pytest

from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros
from placet.kit.security.redacted import SecretBytes
from placet.vault.keyring import Version, VersionState
from placet.vault.model import Operation, Use, UseCommand
from placet.vault.template import (
    DataKey,
    Place,
    SealedTemplate,
    Template,
    TemplateFacts,
    TemplateId,
    Vector,
    WrappedKey,
    read_template,
)

SECRET = b"\x5e\xc7\xe7\x3f" * 64
FACTS = TemplateFacts(model_id="m", model_sha256=b"\1" * 32, dimension=64, quality=1, captured_at=Micros(1))
PLACE = Place(
    controller="bank",
    basis=BasisOrdinal(3),
    template_id=TemplateId(UUID(int=1)),
    model_sha256=b"\1" * 32,
    dimension=64,
    kek_version=1,
)
TOKEN = "eyJhbGciOiJFZERTQSJ9.e30.c2VjcmV0"


def vector() -> Vector:
    return read_template(SECRET, FACTS).vector


def command() -> UseCommand:
    return UseCommand(
        controller="bank",
        id=UUID(int=2),
        permit=TOKEN,
        template=Template(facts=FACTS, vector=vector()),
        seen=0,
        deadline=Micros(1),
    )


HOLDERS = [
    vector(),
    Template(facts=FACTS, vector=vector()),
    command(),
    WrappedKey(version=1, blob=SECRET[:40]),
    DataKey(controller="bank", basis=BasisOrdinal(3), wrapped=WrappedKey(version=1, blob=SECRET[:40])),
    SealedTemplate(place=PLACE, facts=FACTS, nonce=b"\5" * 12, blob=SECRET, enrolled_at=Micros(1)),
    Version(number=1, state=VersionState.ACTIVE, created_at=1, key=SecretBytes(SECRET[:32])),
]
TELLS = ("5e c7", "5ec7e73f", "\\x5e", "^\\xc7", "1.81", "Xsfn", TOKEN[:20], str(np.frombuffer(SECRET, "<f4")[0])[:6])


def tells(text: str) -> list[str]:
    return [tell for tell in TELLS if tell in text]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_no_way_of_printing_tells(holder: object) -> None:
    out = io.StringIO()
    logger = logging.getLogger("test.redacted")
    logger.addHandler(handler := logging.StreamHandler(out))
    logger.warning("%s %r %s", holder, holder, {"in": [holder]})
    logger.removeHandler(handler)
    said = [repr(holder), str(holder), f"{holder}", out.getvalue(), json.dumps({"x": holder}, default=repr)]
    assert not tells(" ".join(said))
    assert "redacted" in repr(holder)


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_none_is_pickled_or_copied(holder: object) -> None:
    attempts: list[Callable[[object], object]] = [pickle.dumps, copy.copy, copy.deepcopy]
    for attempt in attempts:
        with pytest.raises(TypeError, match="not pickled"):
            attempt(holder)


def test_a_traceback_with_locals_does_not_tell() -> None:
    def fails(cmd: UseCommand) -> None:
        template = cmd.template  # noqa: F841 (a local of the frame)
        raise RuntimeError("boom")

    try:
        fails(command())
    except RuntimeError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "boom" in text
    assert not tells(text)


def test_what_is_not_redacted_would_tell() -> None:
    # Negative control: the words looked for do stand in an unprotected holder.
    assert tells(repr(SECRET))
    assert tells(repr(np.frombuffer(SECRET, "<f4")))
    assert tells(repr({"permit": TOKEN}))


def test_a_use_holds_nothing_to_redact() -> None:
    use = Use(
        controller="bank",
        id=UUID(int=2),
        operation=Operation.VERIFY,
        digest=b"\2" * 32,
        basis=BasisOrdinal(3),
        event=LeafIndex(4),
        begun_at=Micros(1),
    )
    assert not tells(repr(use))
