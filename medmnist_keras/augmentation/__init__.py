"""Data augmentation: plain (shift, zoom, contrast) and robust (domain randomization, outliers).

It maps over a `tf.data.Dataset` of batches, on TensorFlow operations, whatever backend trains.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
