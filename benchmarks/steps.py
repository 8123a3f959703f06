"""The steps of the benchmark, in the order of its table."""

from __future__ import annotations

from functools import partial

from medmnist_keras.models.networks import ROBUST_WIDTH
from medmnist_keras.training.fine_tuning import fine_tune

from .growth import grow
from .loading import decode_only, load_ours, load_plainly, read_with_keras, read_with_pil
from .measuring import Sizes, Step
from .pipeline import feed, feed_robust, train_on_one_batch
from .prediction import ask
from .training import (
    densenet121,
    fine_tune_plainly,
    score_fast,
    score_nearest,
    talk_cnn,
    train_baseline,
    train_fast,
    train_slice,
    train_whole,
    tune,
)


def all_steps(sizes: Sizes) -> list[Step]:
    """Every step of `benchmark()`, in the order of the table."""
    return [
        Step(
            "loading",
            ("load_images", load_ours),
            {
                "PIL loop": partial(load_plainly, read=read_with_pil),
                "image_dataset_from_directory": partial(load_plainly, read=read_with_keras),
                "libjpeg alone": decode_only,
            },
        ),
        Step(
            "pipeline",
            ("tf.data", feed),
            {"the model's own training": train_on_one_batch},
        ),
        Step(
            "pipeline, robust",
            ("tf.data", feed_robust),
            {"the model's own training": partial(train_on_one_batch, width=ROBUST_WIDTH)},
        ),
        *(
            Step(
                name,
                (ours, partial(train_whole, recipe=recipe)),
                {
                    "talk notebook's CNN": partial(train_slice, build=talk_cnn, batch_size=32),
                    "DenseNet121": partial(train_slice, build=densenet121, batch_size=64),
                },
            )
            for name, ours, recipe in (
                ("training", "baseline CNN", train_baseline),
                ("speed run", "speed_run", train_fast),
            )
        ),
        Step(
            "speed run, random split",
            ("speed_run", score_fast),
            {"nearest neighbour, 16×16": score_nearest},
        ),
        Step(
            "fine-tuning",
            ("fine_tune", partial(tune, recipe=fine_tune)),
            {"fit, frozen then unfrozen": partial(tune, recipe=fine_tune_plainly)},
        ),
        *(
            Step(
                f"prediction, {name}",
                ("predict_on_batch", partial(ask, name=name, call="predict_on_batch")),
                {
                    "model.predict": partial(ask, name=name, call="predict"),
                    "tf.function": partial(ask, name=name, call="tf.function"),
                },
            )
            for name in ("baseline_cnn", "resnet50v2")
        ),
        *(
            Step(
                f"{times}× the data",
                (f"{times}×", partial(grow, times=times)),
                {"linear growth": partial(grow, times=1, counted=times)},
            )
            for times in sizes.growth
        ),
    ]
