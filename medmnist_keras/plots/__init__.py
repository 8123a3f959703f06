"""Figures: each function takes data, draws on one axes and returns it.

Nothing is shown or saved, and no model is needed. All functions share two last arguments: `ax`,
the axes to draw on, where `None` opens a figure sized to its content, and `title`, which says what
the figure shows. Only `robustness_curves` has several panels: it opens a figure and returns all
axes.
Images are grey, 0-255, of shape `(N, height, width)` or `(N, height, width, 1)`, and always drawn
from black = 0 to white = 255, so that brightness compares between figures.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
