"""How two vectors are compared, without leaving copies of them behind.

Owns: `cosine`, the similarity of two vectors, in float64 whatever their lengths.
Never: decides (that is `policy.decide`), keeps or logs a component. Working copies are overwritten before it returns.
Source: ISO/IEC 2382-37 (comparison score).
"""

import numpy as np

from placet.vault.template import Vector


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine of the angle between two vectors of the same dimension, -1.0 to 1.0.

    Raises ValueError when the dimensions differ or a vector has no direction.
    """
    if one.dimension != other.dimension:
        raise ValueError("vectors of different dimensions do not compare")
    left, right = one.values.astype(np.float64), other.values.astype(np.float64)
    try:
        # float64 holds the square of every float32, so neither large nor denormal components overflow or vanish.
        length = float(np.sqrt(np.dot(left, left)) * np.sqrt(np.dot(right, right)))
        if not length > 0.0:
            raise ValueError("a vector without a direction does not compare")
        return min(1.0, max(-1.0, float(np.dot(left, right)) / length))
    finally:
        left.fill(0)
        right.fill(0)
