from .data import (
    class_counts as class_counts,
    grey_level_histograms as grey_level_histograms,
    similarity_matrix as similarity_matrix,
    similarity_to_training as similarity_to_training,
)
from .drawings import (
    draw_body as draw_body,
    draw_dealing as draw_dealing,
    draw_two_questions as draw_two_questions,
)
from .images import (
    blend as blend,
    class_samples as class_samples,
    grad_cam_overlay as grad_cam_overlay,
    image_grid as image_grid,
    image_rows as image_rows,
    mean_images as mean_images,
)
from .networks import (
    draw_baseline as draw_baseline,
    draw_fine_tuning as draw_fine_tuning,
)
from .open_set import (
    risk_coverage_curves as risk_coverage_curves,
)
from .pipeline import (
    draw_pipeline as draw_pipeline,
)
from .robustness import (
    ablation as ablation,
    recall_comparison as recall_comparison,
    rejection_histogram as rejection_histogram,
    robustness_curves as robustness_curves,
)
from .scores import (
    confusion_matrix as confusion_matrix,
    reliability_diagram as reliability_diagram,
)
from .style import (
    STYLES as STYLES,
    WIDTH as WIDTH,
    caption as caption,
    use_style as use_style,
)
from .training import (
    error_spread as error_spread,
    learning_curves as learning_curves,
    model_comparison as model_comparison,
)
from .windows import (
    WINDOWS as WINDOWS,
    draw_guess as draw_guess,
    draw_windows as draw_windows,
)
