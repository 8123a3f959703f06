"""What notebooks and demo share: settings, recipes for whole runs, saved models and results.

Nothing below knows of it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
