"""Random changes that training puts between data and model, never inside the saved model."""

from __future__ import annotations

from keras import layers


def augment(train_ds, *, seed=0):
    """Changes each training picture a little, anew in every epoch.

    Pictures of one kind differ in where the body lies, how large it is and how bright it was
    shown; a label never depends on these. So pictures are shifted and zoomed by up to a tenth,
    and their contrast varies by a fifth. Nothing is mirrored: left and right matter in a body.

    Args:
        train_ds: `tf.data.Dataset` of `(images, labels)` batches, pixels 0-255.
        seed: int. The same seed gives the same pictures in the same order.

    Returns:
        `tf.data.Dataset` of float32 batches in 0-255, prefetched.

    Example:

    ```python
    train_ds, val_ds, test_ds = load_datasets()
    history = train(baseline_cnn(), augment(train_ds), val_ds)
    ```
    """
    import tensorflow as tf

    # Borders repeat the edge: black ones would mark each class whose background is grey.
    random_layers = [
        layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", seed=seed),
        layers.RandomZoom(0.1, fill_mode="nearest", seed=seed + 1),
        layers.RandomContrast(0.2, value_range=(0, 255), seed=seed + 2),
    ]

    def change(images, labels):
        images = tf.cast(images, tf.float32)
        for layer in random_layers:
            images = layer(images, training=True)
        return tf.clip_by_value(images, 0, 255), labels

    # Serial: random layers in a parallel map would not give the same pictures again.
    return train_ds.map(change).prefetch(tf.data.AUTOTUNE)
