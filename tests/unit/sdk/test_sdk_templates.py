"""Templates on their way to the vault: checked, redacted, never pickled."""

import copy
import pickle
import struct
from typing import Any

import numpy as np
import pytest

from placet.sdk import Invalid, Template

ABOUT: dict[str, Any] = {"model_id": "m", "model_sha256": b"m" * 32, "quality": 80, "captured_at": 1}


def test_numbers_become_float32_little_endian() -> None:
    template = Template.of([0.5, -1.0], **ABOUT)
    assert template.vector == struct.pack("<2f", 0.5, -1.0)
    assert template.dimension == 2
    assert Template.of(np.array([0.5, -1.0], dtype=np.float64), **ABOUT).vector == template.vector


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [float("nan")], [float("inf"), 1.0], [1e300], ["x"]], ids=str)
def test_what_is_no_template_is_refused(values: Any) -> None:
    with pytest.raises(Invalid) as caught:
        Template.of(values, **ABOUT)
    assert caught.value.reason == "TEMPLATE_INVALID"


def test_half_a_float_is_refused() -> None:
    with pytest.raises(Invalid):
        Template(vector=b"\x00\x00\x80\x3f\x00", **ABOUT)


def test_a_template_is_neither_shown_nor_pickled() -> None:
    template = Template.of([0.123, 0.456], **ABOUT)
    assert repr(template.vector) not in repr(template)
    assert "0.123" not in f"{template} {template!r}"
    with pytest.raises(TypeError):
        pickle.dumps(template)
    with pytest.raises(TypeError):
        copy.copy(template)
