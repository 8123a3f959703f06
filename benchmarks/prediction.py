"""Single calls and whole sets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from medmnist_keras.models.networks import baseline_cnn, resnet50v2

from .measuring import Bench, Measured, divided, seconds_of, some


def ask(bench: Bench, *, name: str, call: str) -> list[Measured]:
    """Many pictures in batches of 256, and one at a time."""
    sizes = bench.sizes
    if name == "baseline_cnn":
        model, count = baseline_cnn(weights="medical_mnist"), sizes.pictures
    else:
        model, count = resnet50v2(weights=None), sizes.slow_pictures
    images, _ = some(divided(bench)[0], count)
    answer = calls(model)[call]

    answer(images)  # compiles
    answer(images[:1])
    values = [count / spent for spent in seconds_of(lambda: answer(images), sizes.repeats)]
    singles = [
        1000 * np.array(seconds_of(lambda: answer(images[:1]), sizes.calls))
        for _ in range(sizes.repeats)
    ]
    return [
        Measured("many pictures", "images/s", values),
        Measured("one picture, median", "ms", [float(np.median(each)) for each in singles]),
        Measured("one picture, 95 %", "ms", [float(np.percentile(each, 95)) for each in singles]),
    ]


def calls(model, batch_size: int = 256) -> dict[str, Callable]:
    """Ways to ask a model about uint8 pictures `(N, 64, 64, 1)`: name to function."""
    import tensorflow as tf

    graph = tf.function(lambda images: model(images, training=False))

    def in_batches(answer):
        def answer_all(images):
            starts = range(0, len(images), batch_size)
            batches = [answer(images[start : start + batch_size]) for start in starts]
            return np.concatenate([np.asarray(batch) for batch in batches])

        return answer_all

    return {
        "predict": lambda images: model.predict(images, batch_size=batch_size, verbose=0),
        "predict_on_batch": in_batches(model.predict_on_batch),
        "tf.function": in_batches(lambda images: graph(tf.constant(images))),
    }
