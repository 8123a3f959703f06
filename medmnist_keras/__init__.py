"""Medical image classification in Keras, on Medical MNIST: data, two models, honest scores."""

import lazy_loader

__version__ = "0.3.0"

# Keras, pandas and the others take seconds to import, so each name waits for its first use;
# what there is stands in `__init__.pyi`.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
