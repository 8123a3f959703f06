"""Finds what inflates a score: blank pictures, duplicates, shortcuts in the files."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..info import CLASS_NAMES
from .images import Images
from .similarity import (
    class_members,
    connected,
    find_blank,
    find_near_duplicates,
    find_originals,
    neighbours,
    unit_thumbnails,
)


def audit_images(pictures: Images) -> pd.DataFrame:
    """Counts, class by class, what makes a score look better than it is.

    Args:
        pictures: `Images`.

    Returns:
        A table with one row per class and the columns `images`, `blank` (standard deviation below
        one grey level), `duplicates` (images of the same pixels as another) and `duplicate sets`,
        `near 0.99` (images with a near duplicate of that similarity), `groups 0.99` and
        `groups 0.98` (sets of images that near duplicates connect), `largest 0.98`,
        `file distance` (median distance, in file numbers, to the most similar image: about 0.29
        times their span if the order means nothing), `darkest` (the lowest grey level of
        all its images) and `JPEG table` (the first four entries of the quantisation tables, most
        frequent first).
    """
    blank, original = find_blank(pictures.images), find_originals(pictures.images)
    pairs = find_near_duplicates(pictures)
    units = unit_thumbnails(pictures.images)
    closer = pairs[np.einsum("ij,ij->i", units[pairs[:, 0]], units[pairs[:, 1]]) > 0.99]
    count = len(pictures.labels)
    strict, loose = connected(closer, count), connected(pairs, count)
    rows = []
    for members in class_members(pictures):
        copies = pd.Series(original[members]).value_counts()
        twin = members[neighbours(pictures.images[members], 1)[:, 0]]
        apart = np.abs(pictures.positions[twin] - pictures.positions[members])
        tables = pd.Series([tuple(map(int, q[:4])) for q in pictures.quantization[members]])
        rows.append(
            {
                "images": len(members),
                "blank": int(blank[members].sum()),
                "duplicates": int(copies[copies > 1].sum()),
                "duplicate sets": int((copies > 1).sum()),
                "near 0.99": int(np.isin(members, closer).sum()),
                "groups 0.99": len(np.unique(strict[members])),
                "groups 0.98": len(np.unique(loose[members])),
                "largest 0.98": int(np.bincount(loose[members]).max()),
                "file distance": float(np.median(apart)),
                "darkest": int(pictures.images[members].min()),
                "JPEG table": ", ".join(map(str, tables.value_counts().index)),
            }
        )
    names = [CLASS_NAMES[label] for label in np.unique(pictures.labels)]
    return pd.DataFrame(rows, index=pd.Index(names, name="class"))
