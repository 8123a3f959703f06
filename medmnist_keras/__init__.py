"""Medical image classification in Keras, on Medical MNIST: data, two models, honest scores."""

from . import _quiet as _quiet  # isort: skip  # before anything imports Keras
from .audit import audit, find_originals, nearest, thumbnails, unit_thumbnails
from .augment import augment
from .data import load_data, load_datasets, make_dataset
from .evaluation import (
    calibration_bins,
    class_report,
    evaluate,
    mcnemar_test,
    most_confident_errors,
)
from .explain import grad_cam
from .groups import compute_groups, find_groups
from .info import CLASS_NAMES, INFO, PUBLISHED
from .models import baseline_cnn, decode_predictions, freeze_batch_normalization, resnet50v2
from .runs import build_resnet50v2, keep_results, keep_run, load_run, run_baseline, run_resnet50v2
from .settings import Settings, read_settings
from .sources import load_images
from .splits import split_indices
from .training import accelerated, fine_tune, train
from .trivial import trivial_probabilities

__all__ = [
    "CLASS_NAMES",
    "INFO",
    "PUBLISHED",
    "Settings",
    "accelerated",
    "audit",
    "augment",
    "baseline_cnn",
    "build_resnet50v2",
    "calibration_bins",
    "class_report",
    "compute_groups",
    "decode_predictions",
    "evaluate",
    "find_groups",
    "find_originals",
    "fine_tune",
    "freeze_batch_normalization",
    "grad_cam",
    "keep_results",
    "keep_run",
    "load_data",
    "load_datasets",
    "load_images",
    "load_run",
    "make_dataset",
    "mcnemar_test",
    "most_confident_errors",
    "nearest",
    "read_settings",
    "resnet50v2",
    "run_baseline",
    "run_resnet50v2",
    "split_indices",
    "thumbnails",
    "train",
    "trivial_probabilities",
    "unit_thumbnails",
]
