from .depth import (
    add_depth as add_depth,
)
from .pipelines import (
    ROBUST_LAYERS as ROBUST_LAYERS,
    add_phantoms as add_phantoms,
    add_renderings as add_renderings,
    augment as augment,
    augment_robust as augment_robust,
    render_shift as render_shift,
)
