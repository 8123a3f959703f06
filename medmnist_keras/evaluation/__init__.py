"""Evaluation with intervals: test set, external test set, corruptions, out-of-distribution sets.

Labels and probabilities go in as NumPy arrays, so it serves models of any library.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
