"""The networks: architectures, shipped and ImageNet weights, Grad-CAM.

Each takes raw pixels `(batch, 64, 64, 1)`, 0-255, and gives probabilities `(batch, 6)`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
