"""Scores and how sure they are: at home, on other hospitals' pictures, on corrupted ones, and on
pictures of none of the six classes.

Labels and probabilities go in as NumPy arrays, so it serves models of any library.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
