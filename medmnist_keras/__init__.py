"""Medical image classification in Keras, on Medical MNIST: data, two models, honest scores."""

from . import _quiet as _quiet  # isort: skip  # before anything imports Keras
from .app import open_app
from .audit import audit, find_originals, nearest, thumbnails, unit_thumbnails
from .augment import (
    ROBUST_LAYERS,
    augment,
    augment_robust,
    render_elsewhere,
    with_phantoms,
    with_renderings,
)
from .bodies import with_bodies
from .data import load_data, load_datasets, make_dataset
from .environment import check_environment
from .evaluation import (
    calibration_bins,
    class_report,
    evaluate,
    mcnemar_test,
    most_confident_errors,
)
from .explain import grad_cam
from .external import external_report, load_elsewhere, load_folder
from .foreign import FOREIGN, load_foreign
from .groups import compute_groups, find_groups
from .info import CLASS_NAMES, INFO, PUBLISHED
from .models import (
    baseline_cnn,
    decode_predictions,
    freeze_batch_normalization,
    resnet50v2,
    speed_cnn,
)
from .predicting import load_model, predict
from .reading import find_pictures, read_image
from .refusal import (
    apply_temperature,
    confidence,
    fit_temperature,
    refusal_table,
    refusal_threshold,
    shipped_threshold,
)
from .runs import (
    build_resnet50v2,
    keep_results,
    keep_run,
    load_run,
    run_ablation,
    run_baseline,
    run_resnet50v2,
    speed_run,
)
from .settings import Settings, read_settings
from .sources import load_images
from .splits import split_indices
from .stress import CORRUPTIONS, corrupt, corruption_samples, stress_test
from .training import accelerated, fine_tune, train
from .trivial import trivial_probabilities

__all__ = [
    "CLASS_NAMES",
    "CORRUPTIONS",
    "FOREIGN",
    "INFO",
    "PUBLISHED",
    "ROBUST_LAYERS",
    "Settings",
    "accelerated",
    "apply_temperature",
    "audit",
    "augment",
    "augment_robust",
    "baseline_cnn",
    "build_resnet50v2",
    "calibration_bins",
    "check_environment",
    "class_report",
    "compute_groups",
    "confidence",
    "corrupt",
    "corruption_samples",
    "decode_predictions",
    "evaluate",
    "external_report",
    "find_groups",
    "find_originals",
    "find_pictures",
    "fine_tune",
    "fit_temperature",
    "freeze_batch_normalization",
    "grad_cam",
    "keep_results",
    "keep_run",
    "load_data",
    "load_datasets",
    "load_elsewhere",
    "load_folder",
    "load_foreign",
    "load_images",
    "load_model",
    "load_run",
    "make_dataset",
    "mcnemar_test",
    "most_confident_errors",
    "nearest",
    "open_app",
    "predict",
    "read_image",
    "read_settings",
    "refusal_table",
    "refusal_threshold",
    "render_elsewhere",
    "resnet50v2",
    "run_ablation",
    "run_baseline",
    "run_resnet50v2",
    "shipped_threshold",
    "speed_cnn",
    "speed_run",
    "split_indices",
    "stress_test",
    "thumbnails",
    "train",
    "trivial_probabilities",
    "unit_thumbnails",
    "with_bodies",
    "with_phantoms",
    "with_renderings",
]
