"""Drawings of the two networks, with sizes and parameters read from the model that is passed in.

Layers are recognized by the names of their classes, so that this needs no Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from ._canvas import (
    INK,
    LIGHT,
    apply_window,
    draw_arrow,
    draw_box,
    draw_cuboid,
    make_canvas,
    show_picture,
    write,
)
from ._phantom import draw_chest_slice
from .style import BLUE, GREY, ORANGE, WIDTH

if TYPE_CHECKING:
    from .._keras import keras

_MOST_BLOCKS = 6  # that fit side by side
_STARTS = ("Conv2D", "GlobalAveragePooling2D", "Flatten", "Dense")  # each begins a block
_CUT = "conv4_block6_out"  # where fine-tuning divides ResNet50V2
_NORM = "BatchNormalization"
_GAP, _GAP_AT_CUT = 0.18, 0.52  # inches between stages


class _Block(NamedTuple):
    """Layers that are drawn as one: a convolution and what follows it, or the end."""

    name: str
    layers: list[Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of what comes out."""
        shape = tuple(self.layers[-1].output.shape[1:])
        return shape if len(shape) == 3 else (1, 1, shape[-1])

    @property
    def parameters(self) -> int:
        return sum(layer.count_params() for layer in self.layers)

    @property
    def size(self) -> str:
        return "×".join(map(str, self.shape))


def _kind(layer) -> str:
    return type(layer).__name__


def draw_baseline(model: keras.Model, title: str | None = None) -> Axes:
    """Draws a small convolutional network as blocks, with the sizes and parameters of each.

    Sides are drawn as the square root of pixels, thickness as that of channels.

    Args:
        model: `keras.Model` from pictures `(batch, height, width, channels)` to `(batch, classes)`
            whose layers follow one another: convolutions, pooling or flattening to a vector,
            dense layers, at most six in all. Such as `baseline_cnn()` or `speed_cnn()`. It is
            only read.
        title: What the figure shows.

    Returns:
        The axes, of a figure of its own. Below each block stand its output's size, what it does,
        and its parameters, batch normalization's statistics included as Keras counts them.

    Raises:
        ValueError: If the model isn't such a network.
    """
    blocks = _read_blocks(model)
    height, width, channels = model.input_shape[1:]
    ax = make_canvas(4.55, title)
    middle, side = 3.05, 1.8
    unit = side / np.sqrt(height)
    show_picture(ax, _example(), 1.45, middle - side / 2, side)
    columns = np.linspace(4.1, WIDTH - 0.65, len(blocks))
    table = [(2.35, "picture", "×".join(map(str, (height, width, channels))), "", "")]
    ends = [1.45 + side]
    for x, block in zip(columns, blocks, strict=True):
        thick, tall = 0.055 * np.sqrt(block.shape[2]), unit * np.sqrt(block.shape[0])
        color = ORANGE if block.layers[-1].output.shape[1:-1] == () else BLUE
        left = x - thick / 2 - 0.15 * tall
        draw_arrow(ax, (ends[-1] + 0.08, middle), (left - 0.08, middle), mutation_scale=16)
        draw_cuboid(ax, left, middle - tall / 2, thick, tall, color)
        ends.append(left + thick + 0.3 * tall)
        table.append((x, block.name, block.size, _does(block), f"{block.parameters:,}"))
    for y, name in ((1.42, "size"), (1.04, "layers"), (0.3, "parameters")):
        write(ax, 0.1, y, name, ha="left", va="top", color=GREY)
    for x, name, size, does, parameters in table:
        for y, text, weight in (
            (1.8, name, "bold"),
            (1.42, size, "normal"),
            (1.04, does, "normal"),
        ):
            write(ax, x, y, text, weight=weight, va="top")
        write(ax, x, 0.3, parameters, va="top")
    total = f"{model.count_params():,} parameters"
    write(ax, WIDTH - 0.1, 4.3, total, "medium", weight="bold", ha="right")
    return ax


def _read_blocks(model) -> list[_Block]:
    """Each convolution with what follows it; pooling or flattening to a vector; dense layers."""
    kinds = [_kind(layer) for layer in getattr(model, "layers", [])]
    count = sum(kind in _STARTS for kind in kinds)
    shape = tuple(getattr(model, "input_shape", ()))
    flat = {"Conv2D", "Dense"} <= set(kinds) and len(shape) == 4 and None not in shape[1:]
    if not flat or count > _MOST_BLOCKS:
        raise ValueError(
            f"`model` must have convolutions and dense layers in a row, at most {_MOST_BLOCKS} "
            "with pooling to a vector, on pictures of one size. "
            f"Received: {getattr(model, 'name', model)!r} with {kinds.count('Conv2D')} "
            f"convolutions, {count} in all. Pass a model of `baseline_cnn()`, or draw ResNet50V2 "
            "with `draw_fine_tuning()`."
        )
    names = {"GlobalAveragePooling2D": "pool", "Flatten": "flat"}
    blocks: list[_Block] = []
    for layer, kind in zip(model.layers, kinds, strict=True):
        if kind in _STARTS:
            name = names.get(kind, layer.name.removesuffix("_conv"))
            blocks.append(_Block(name, [layer]))
        elif blocks:
            blocks[-1].layers.append(layer)
    blocks[-1] = blocks[-1]._replace(name="classes")
    return blocks


def _does(block: _Block) -> str:
    """What the layers of a block do, in two short lines."""
    told = []
    for layer in block.layers:
        kind = _kind(layer)
        if kind == "Conv2D":
            told.append("conv " + "×".join(map(str, layer.kernel_size)))
            if layer.strides[0] > 1:
                told.append(f"stride {layer.strides[0]}")
        elif kind == "MaxPooling2D":
            told.append("pool " + "×".join(map(str, layer.pool_size)))
    ends = {"GlobalAveragePooling2D": "mean of\neach map", "Flatten": "one row", "Dense": "dense"}
    return "\n".join(told) or ends.get(_kind(block.layers[0]), "")


def _example() -> np.ndarray:
    """The picture that goes in: a phantom."""
    return apply_window(draw_chest_slice(), 50, 400)


def draw_fine_tuning(model: keras.Model, title: str | None = None) -> Axes:
    """Draws ResNet50V2 stage by stage: what stays frozen, what each step of fine-tuning trains.

    `fine_tune()` never changes what lies before the cut, so it computes these features once and
    keeps them; for step one, those behind `conv5`, too. Step one trains the head, step two the
    stage `conv5` with it. Batch normalization stays frozen, so its parameters don't count as
    trained.

    Args:
        model: `keras.Model` of `resnet50v2()`. It is only read.
        title: What the figure shows.

    Returns:
        The axes, of a figure of its own, with sizes and parameters as the model has them.

    Raises:
        ValueError: If the model isn't one of `resnet50v2()`.
    """
    names = [layer.name for layer in getattr(model, "layers", [])]
    if _CUT not in names or "pool" not in names:
        raise ValueError(
            f"`model` must be one of `resnet50v2()`, with the layers {_CUT!r} and 'pool'. "
            f"Received: {getattr(model, 'name', model)!r}. Draw a small network with "
            "`draw_baseline()`."
        )
    stages = _read_stages(model)
    ax = make_canvas(5.1, title)
    tall, bottom = 1.24, 2.85
    middle = bottom + tall / 2
    show_picture(ax, _example(), 0.05, bottom, tall)
    height, width = model.input_shape[1:3]
    inside = model.get_layer("conv1_pad").input.shape[1:3]
    scaled = f"{height}×{width} grey\nto {inside[0]}×{inside[1]}\nRGB"
    write(ax, 0.05, bottom - 0.12, scaled, ha="left", va="top")
    lefts, left = {}, 0.05 + tall
    for stage in stages:
        step = _GAP_AT_CUT if stage.name == "conv5" else _GAP
        wide = 1.12 if stage.name == "head" else 1.42  # its size is shorter
        draw_arrow(ax, (left + 0.02, middle), (left + step - 0.02, middle), mutation_scale=16)
        left += step
        lefts[stage.name] = left
        color = {"conv5": BLUE, "head": ORANGE}.get(stage.name, LIGHT)
        draw_box(ax, left, bottom, wide, tall, facecolor=color)
        ink = INK if color == LIGHT else "white"
        for up, text, weight in (
            (0.95, stage.name, "bold"),
            (0.6, stage.size, "normal"),
            (0.27, _short(stage.parameters), "normal"),
        ):
            write(ax, left + wide / 2, bottom + up, text, color=ink, weight=weight)
        left += wide
    _draw_steps(ax, lefts, left, {stage.name: _trained(stage) for stage in stages})
    cut = lefts["conv5"] - _GAP_AT_CUT / 2
    ax.plot([cut, cut], [2.15, 4.55], color=INK, linestyle="--", linewidth=2, zorder=0)
    write(ax, cut, 4.8, "features up to here: computed once, kept", weight="bold")
    return ax


def _draw_steps(ax: Axes, lefts, right: float, trained: dict[str, int]) -> None:
    """Below the stages: bars below what is frozen, and what each step trains."""
    both = trained["conv5"] + trained["head"]
    bars = (
        (2.25, lefts["conv1"], lefts["conv5"] - _GAP_AT_CUT, GREY, ""),
        (1.4, lefts["head"], right, ORANGE, f"step one trains the head: {trained['head']:,}"),
        (0.8, lefts["conv5"], right, BLUE, f"step two trains conv5 and head: {_short(both)}"),
    )
    for y, left, end, color, told in bars:
        draw_box(ax, left, y, end - left, 0.36, rounded=0.05, facecolor=color)
        if told:
            told += " parameters"
            write(ax, left - 0.15, y + 0.18, told, color=color, weight="bold", ha="right")
        else:
            write(ax, (left + end) / 2, y + 0.18, "frozen", color="white", weight="bold")
    write(ax, 0.05, 0.3, "in a box: size of its output, parameters", ha="left", color=GREY)
    write(ax, right, 0.3, "batch normalization: frozen in both", ha="right", color=GREY)


def _read_stages(model) -> list[_Block]:
    """The stages of ResNet50V2 by the names of their layers, and the head."""
    stages = [_Block(f"conv{number}", []) for number in range(1, 6)] + [_Block("head", [])]
    by_prefix = {stage.name: stage for stage in stages}
    by_prefix |= {"pool1": by_prefix["conv1"], "post": by_prefix["conv5"]}
    by_prefix |= dict.fromkeys(("pool", "dropout", "logits", "probabilities"), by_prefix["head"])
    for layer in model.layers:
        if stage := by_prefix.get(layer.name.partition("_")[0]):
            stage.layers.append(layer)
    return stages


def _trained(stage: _Block) -> int:
    """Parameters that training changes, if it trains this stage."""
    return sum(layer.count_params() for layer in stage.layers if _kind(layer) != _NORM)


def _short(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 100_000 else f"{number:,}"
