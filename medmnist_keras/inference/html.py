"""Builds the live page's HTML, with pictures embedded so that no file is written."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from itertools import count

import numpy as np
from PIL import Image

from ..info import CLASS_NAMES
from .predicting import NONE_OF_THESE
from .session import Answer, Picture

HINT = '<p class="mk-hint">Drop a picture, or choose an example.</p>'
_NOT_AT_HAND = (
    "The nearest training pictures can't be shown: Medical MNIST is not at hand. "
    "Set MEDICAL_MNIST_DIR to its folder."
)


def show_problem(text: str) -> str:
    """HTML of what went wrong with a file."""
    return f'<p class="mk-problem" role="alert">{escape(text)}</p>'


def show(
    picture: Picture, seen: np.ndarray, robust: Answer, plain: Answer, nearest: list | None
) -> str:
    """HTML of a picture as the models see it, both predictions, and the nearest training pictures.

    Args:
        picture: `Picture`, for its title and truth.
        seen: uint8 array `(64, 64, 1)`, the picture after `damage()`.
        robust, plain: `Answer`.
        nearest: what `nearest_training()` returned; `None` where there are no training pictures.
    """
    if nearest is None:
        near = f'<p class="mk-note">{_NOT_AT_HAND}</p>'
    elif not nearest:
        near = '<p class="mk-note">None: the picture has a single grey level.</p>'
    else:
        near = '<div class="mk-near">{}</div>'.format(
            "".join(
                f"<figure>{_img(image, f'training picture of {name}')}"
                f"<figcaption>{name}<br>{similarity:.2f}</figcaption></figure>"
                for image, name, similarity in nearest
            )
        )
    return (
        f'<div class="mk-answers"><section class="mk-card mk-seen"><h3>What they see</h3>'
        f"{_img(seen, 'the picture, in 64 by 64 pixels')}<p>{escape(picture.title)}</p></section>"
        f"{_card('Robust model', 'mk-robust', robust, seen, picture.truth)}"
        f"{_card('Plain model', 'mk-plain', plain, seen, picture.truth)}</div>"
        f'<h3 class="mk-title">Nearest training pictures, and their similarity</h3>{near}'
    )


def show_examples(groups: Mapping[str, Sequence[Picture]]) -> str:
    """HTML of examples to click: a title and small pictures for each group that has any."""
    index = count()
    return "".join(
        f"<h3>{title}</h3><div>"
        + "".join(
            f'<button data-index="{next(index)}" title="{picture.title}">'
            f"{_img(picture.image, picture.title)}</button>"
            for picture in pictures
        )
        + "</div>"
        for title, pictures in groups.items()
        if pictures
    )


def _card(title: str, style: str, answer: Answer, seen: np.ndarray, truth: str | None) -> str:
    from .. import plots

    best = int(answer.probabilities.argmax())
    heated = np.rint(255 * plots.blend(seen / 255, answer.heat)).astype("uint8")
    caption = f"{answer.probabilities[best]:.1%}"
    if answer.answer == NONE_OF_THESE:
        caption = f"nearest {CLASS_NAMES[best]}, {caption}"
    sure = "" if np.isnan(answer.known) else f"one of the six: {answer.known:.1%}"
    mark, outcome = ("✓", "right") if answer.answer == truth else ("✗", "wrong")
    verdict = f'<b class="mk-{outcome}" aria-label="{outcome}:">{mark}</b> ' if truth else ""
    bars = "".join(
        f'<tr><th scope="row">{name}</th><td class="mk-bar"><i style="width:{share:.1%}"></i></td>'
        f"<td>{share:.1%}</td></tr>"
        for name, share in zip(CLASS_NAMES, answer.probabilities, strict=True)
    )
    return (
        f'<section class="mk-card {style}"><h3>{title}</h3>'
        f'<p class="mk-verdict">{verdict}<span>{answer.answer}</span> <small>{caption}</small></p>'
        f'<p class="mk-known">{sure}</p>'
        f"<table>{bars}</table>"
        f"{_img(heated, f'Grad-CAM: what speaks for {CLASS_NAMES[best]}')}"
        f"<p>What speaks for {CLASS_NAMES[best]}</p></section>"
    )


def _img(pixels: np.ndarray, caption: str) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{caption}">'
