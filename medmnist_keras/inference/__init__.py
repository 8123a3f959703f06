"""Uses trained models: predictions on your own pictures, exports, the live page.

Nothing here trains: models, weights and thresholds come from `models`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
