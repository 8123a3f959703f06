"""Pictures as arrays and datasets: finds, reads, checks, caches, audits and splits them.

What comes out is uint8 `(N, 64, 64, 1)`, grey levels 0-255, with integer labels, or a
`tf.data.Dataset` of batches of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
