"""Draws body parts and pages that are none of the six kinds: outliers to train with.

X-rays of other bones, slices of other modalities, ultrasound and pages, drawn as the phantoms are:
with NumPy alone, from soft-edged ellipses and rods. Whoever measures on drawings of these pens
measures what was trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..data.drawing import draw_pose, expose
from ..info import IMAGE_SIZE
from . import drawn_bones, drawn_scans

PENS: tuple[Callable[..., np.ndarray], ...] = (
    drawn_bones.draw_foot_from_above,
    drawn_bones.draw_foot_from_the_side,
    drawn_bones.draw_ankle,
    drawn_bones.draw_knee,
    drawn_bones.draw_shoulder,
    drawn_bones.draw_limb,
    drawn_bones.draw_pelvis,
    drawn_bones.draw_skull,
    drawn_bones.draw_spine_from_the_front,
    drawn_bones.draw_spine_from_the_side,
    drawn_bones.draw_abdominal_x_ray,
    drawn_bones.draw_teeth,
    drawn_scans.draw_brain,
    drawn_scans.draw_head_from_the_side,
    drawn_scans.draw_limb_slice,
    drawn_scans.draw_knee_mri,
    drawn_scans.draw_spine_mri,
    drawn_scans.draw_ultrasound,
    drawn_scans.draw_retina,
    drawn_scans.draw_tissue,
    drawn_scans.draw_page,
    drawn_scans.draw_chart,
    # Once more what is nearest to the classes.
    drawn_scans.draw_brain,
    drawn_bones.draw_skull,
    drawn_scans.draw_limb_slice,
    drawn_bones.draw_foot_from_above,
)
_CHUNK = 32  # pictures drawn at a time


def draw_body_parts(
    count: int, *, pens: Sequence[Callable[..., np.ndarray]] = PENS, seed: int = 0
) -> np.ndarray:
    """Draws body parts, tissue and pages that belong to none of the six classes, kind by kind.

    Args:
        count: int, how many: 32 of a kind, then 32 of the next, and so on around.
        pens: functions that draw, of `drawn_bones` and `drawn_scans`; all of them by default.
        seed: int. The same seed gives the same pictures.

    Returns:
        uint8 `(count, 64, 64, 1)`, values 0-255.
    """
    images = np.empty((count, IMAGE_SIZE, IMAGE_SIZE, 1), np.uint8)
    for chunk, start in enumerate(range(0, count, _CHUNK)):
        rng = np.random.default_rng([seed, chunk])

        def pick(low, high, rng=rng):
            return low + (high - low) * rng.random((_CHUNK, 1, 1), dtype=np.float32)

        draw = pens[chunk % len(pens)]
        drawn = expose(draw(*draw_pose(pick), pick), pick, rng)
        images[start : start + _CHUNK, ..., 0] = drawn[: count - start]
    return images
