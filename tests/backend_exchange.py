"""Run on each backend in turn: `python backend_exchange.py folder`.

Loads what the other backends left in the folder and writes what it predicts with it; the first
time it also trains both models and leaves them there. On TensorFlow, where other tests train
ResNet50V2, it stays untrained.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from medmnist_keras import (
    baseline_cnn,
    grad_cam,
    load_datasets,
    load_model,
    predict,
    resnet50v2,
    train,
)
from medmnist_keras.data import draw_phantoms
from medmnist_keras.models import rate, shipped_threshold, with_known

BUILD = {
    "baseline_cnn": baseline_cnn,
    "resnet50v2": lambda weights=None: resnet50v2(weights=weights, image_size=32),
}
IMAGES = draw_phantoms(4)[0]


def exchange(folder: Path) -> None:
    backend = keras.backend.backend()
    for file in sorted(folder.iterdir()):
        stem, _, kind = file.name.partition(".")
        if kind not in ("weights.h5", "keras"):
            continue
        name, origin = stem.split("-")
        if not answers(folder, name, origin).exists():
            whole = kind == "keras"
            model = load_model(file)[0] if whole else BUILD[name](weights=file)
            save(folder, name, origin, model)
    if (folder / f"facts-{backend}.json").exists():
        return
    keras.utils.set_random_seed(0)
    train_ds, val_ds, _ = load_datasets(16, "phantoms", images_per_class=12)
    facts = {}
    for name, build in BUILD.items():
        model = build()
        if name == "baseline_cnn" or backend != "tensorflow":
            history = train(model, train_ds, val_ds, epochs=2, learning_rate=1e-3, verbose=0)
            facts[name] = {
                **history.history,
                "kept": model.evaluate(val_ds, verbose=0)[0],
            }
        model.compile(loss="sparse_categorical_crossentropy")  # the optimizer's state isn't wanted
        model.save_weights(folder / f"{name}-{backend}.weights.h5")
        save(folder, name, backend, model)
        if name == "baseline_cnn":
            wholes = {"whole": model, "known": with_known(model, scale=0.5, offset=-1)}
            for kind, whole in wholes.items():
                whole.save(folder / f"{kind}-{backend}.keras")
                save(folder, kind, backend, whole)
    save(folder, "shipped", backend, load_model("baseline_cnn")[0])
    shipped = baseline_cnn(weights="medical_mnist")
    np.save(folder / f"maps-{backend}.npy", grad_cam(shipped, IMAGES[:6]))
    table = predict([np.full((64, 64), 90, "uint8"), *IMAGES[::4], b"no picture"])
    facts["answers"] = table["answer"].tolist()
    facts["threshold"] = shipped_threshold("baseline_cnn")
    (folder / f"facts-{backend}.json").write_text(json.dumps(facts))


def answers(folder: Path, name: str, origin: str) -> Path:
    return folder / f"{name}-{origin}-on-{keras.backend.backend()}.npy"


def save(folder: Path, name: str, origin: str, model) -> None:
    numbers = [each for each in rate(model, IMAGES) if each is not None]
    np.save(answers(folder, name, origin), np.column_stack(numbers))


if __name__ == "__main__":
    exchange(Path(sys.argv[1]))
