"""Figures: each function takes data, draws one figure, and returns its axes.

Nothing is shown or saved, and no model is loaded. `title` says what a figure shows; charts also
take `ax`, the axes to draw on. What is called `draw_…` explains an idea, in a figure of its
own. Images are grey, 0-255, of shape `(N, height, width[, 1])`, and drawn from black = 0 to
white = 255, so that brightness compares between figures.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
