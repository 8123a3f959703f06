from .body_parts import (
    draw_body_parts as draw_body_parts,
)
from .depth import (
    add_depth as add_depth,
)
from .pipelines import (
    ROBUST_LAYERS as ROBUST_LAYERS,
    add_phantoms as add_phantoms,
    add_renderings as add_renderings,
    augment as augment,
    augment_robust as augment_robust,
    guess_hounsfield as guess_hounsfield,
    render_outliers as render_outliers,
    render_shift as render_shift,
    with_augmentation as with_augmentation,
)
