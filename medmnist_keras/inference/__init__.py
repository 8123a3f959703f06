"""Trained models at work: on people's own pictures, in other runtimes, on a page to show."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
