"""The live page: drop a picture, see what both models say of it, and where the plain one breaks.

Gradio serves the page and all that it loads, from this machine; it is imported here alone, and
only when a page is opened. Nothing of an upload is trusted or kept: whatever the file, it goes
through `read_image()`, and is deleted as soon as its bytes are read. What is shown are 64x64
pictures inside the page itself, so no file is written for them.
"""

# No `from __future__ import annotations`: Gradio reads that of `choose()` below at run time.
import atexit
import base64
import io
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from html import escape
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from .audit import unit_thumbnails
from .explain import predict_with_map
from .info import CLASS_NAMES, INFO
from .models import baseline_cnn
from .phantoms import draw_phantoms
from .predicting import NONE_OF_THESE, SHIPPED_MODEL
from .reading import read_image
from .refusal import shipped_threshold
from .sources import is_at_hand, load_images
from .splits import split_indices
from .stress import CORRUPTIONS, corrupt

if TYPE_CHECKING:
    import gradio as gr
    import keras

SLIDERS = ("brightness", "blur", "rotation", "background floor")  # in the order they are applied
MAX_MEGABYTES = 50  # of an upload
_NEIGHBOURS = 6
_FORGET = 60  # seconds after which Gradio deletes an upload that nobody read


class Picture(NamedTuple):
    """What a visitor looks at: uint8 `(64, 64, 1)`, what to call it, and the answer if known."""

    image: np.ndarray
    title: str
    truth: str | None = None


class Answer(NamedTuple):
    """What one model says: class name or "none of these", floats `(6,)`, Grad-CAM `(64, 64)`."""

    answer: str
    probabilities: np.ndarray
    heat: np.ndarray


class Training(NamedTuple):
    """The pictures that the models learned from, `Images` with row numbers, and thumbnails."""

    images: np.ndarray
    labels: np.ndarray
    rows: np.ndarray
    units: np.ndarray


# -- what the page works out ---------------------------------------------------------------------


def take_upload(path: str | Path) -> Picture:
    """Reads an upload and deletes it, whatever comes of it.

    Args:
        path: of the file that was uploaded.

    Returns:
        A `Picture`.

    Raises:
        ValueError: when the file is no picture; the text names it, without its folder.
    """
    path = Path(path)
    try:
        data = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path.name} is gone. Expected a file: drop it once more.") from error
    finally:
        path.unlink(missing_ok=True)
    data.name = path.name
    return Picture(read_image(data), path.name)


def damage(image: np.ndarray, strengths: Sequence[float]) -> np.ndarray:
    """Damages a picture as the sliders say, one after the other.

    Args:
        image: uint8 array `(64, 64, 1)`.
        strengths: one for each of `SLIDERS`, from 0 to the last of `CORRUPTIONS`.

    Returns:
        uint8 array `(64, 64, 1)`.
    """
    images = image[np.newaxis]
    for name, strength in zip(SLIDERS, strengths, strict=True):
        images = corrupt(images, name, strength)
    return images[0]


def ask(model: "keras.Model", image: np.ndarray, threshold: float = 0) -> Answer:
    """Asks a model what is on a picture, and which regions speak for that.

    Args:
        model: `keras.Model` from raw pixels `(batch, 64, 64, 1)`, 0-255, to probabilities.
        image: uint8 array `(64, 64, 1)`.
        threshold: float from 0 to 1, confidence under which the answer is "none of these".

    Returns:
        An `Answer`; its Grad-CAM is of the most probable class.
    """
    probabilities, heat = predict_with_map(model, image)
    best = int(probabilities.argmax())
    answer = NONE_OF_THESE if probabilities[best] < threshold else CLASS_NAMES[best]
    return Answer(answer, probabilities, heat)


def load_training() -> tuple[Training | None, list[Picture]]:
    """Loads what the models that ship learned from, and a test picture of each class.

    Returns:
        `Training` and a list of `Picture`; `None` and an empty list where the real pictures are
        not at hand, for nothing is downloaded.

    Raises:
        FileNotFoundError: when `MEDICAL_MNIST_DIR` names a place that isn't there.
        ValueError: when what is there isn't Medical MNIST.
    """
    if not is_at_hand():
        return None, []
    pictures = load_images()
    with redirect_stdout(io.StringIO()):  # how many were left out is no matter here
        train, _, test = split_indices(pictures)
    first = [test[pictures.labels[test] == label][0] for label in range(len(CLASS_NAMES))]
    examples = [
        Picture(np.array(pictures.images[row]), f"{name}, a test picture", name)
        for row, name in zip(first, CLASS_NAMES, strict=True)
    ]
    units = unit_thumbnails(pictures.images[train])
    return Training(pictures.images, pictures.labels, train, units), examples


def nearest_training(image: np.ndarray, training: Training) -> list[tuple[np.ndarray, str, float]]:
    """Finds the training pictures most similar to one.

    Args:
        image: uint8 array `(64, 64, 1)`.
        training: `Training`.

    Returns:
        A list of `(image, class name, similarity)`, the most similar first; similarity as in
        `nearest()`. Empty for a picture of one grey level, which is similar to nothing.
    """
    unit = unit_thumbnails(image[np.newaxis])[0]
    if not unit.any():
        return []
    similarity = training.units @ unit
    best = np.argpartition(-similarity, _NEIGHBOURS)[:_NEIGHBOURS]
    best = best[np.argsort(-similarity[best])]
    return [
        (training.images[row], CLASS_NAMES[training.labels[row]], float(similarity[at]))
        for at, row in zip(best, training.rows[best], strict=True)
    ]


def drawn_examples() -> list[Picture]:
    """Pictures that need no file: a phantom of each class, and a knee, which is none of these."""
    from .foreign import FOREIGN

    images, labels = draw_phantoms(1)
    knee = FOREIGN["drawn knees"].make(np.random.default_rng(0))[0, ..., np.newaxis]
    return [
        *(
            Picture(image, f"{CLASS_NAMES[label]}, a drawn phantom", CLASS_NAMES[label])
            for image, label in zip(images, labels, strict=True)
        ),
        Picture(knee, "a drawn knee", NONE_OF_THESE),
    ]


# -- what the page shows -------------------------------------------------------------------------

_HINT = '<p class="mk-hint">Drop a picture, or choose an example.</p>'
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
    """HTML of a picture as the models see it, both answers, and the nearest training pictures.

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
    from . import plots  # not above: the package loads without seaborn

    best = int(answer.probabilities.argmax())
    heated = np.rint(255 * plots.blend(seen / 255, answer.heat)).astype("uint8")
    told = f"{answer.probabilities[best]:.1%}"
    if answer.answer == NONE_OF_THESE:
        told = f"nearest {CLASS_NAMES[best]}, {told}"
    mark, said = ("✓", "right") if answer.answer == truth else ("✗", "wrong")
    verdict = f'<b class="mk-{said}" aria-label="{said}:">{mark}</b> ' if truth else ""
    bars = "".join(
        f'<tr><th scope="row">{name}</th><td class="mk-bar"><i style="width:{share:.1%}"></i></td>'
        f"<td>{share:.1%}</td></tr>"
        for name, share in zip(CLASS_NAMES, answer.probabilities, strict=True)
    )
    return (
        f'<section class="mk-card {style}"><h3>{title}</h3>'
        f'<p class="mk-verdict">{verdict}<span>{answer.answer}</span> <small>{told}</small></p>'
        f"<table>{bars}</table>"
        f"{_img(heated, f'Grad-CAM: what speaks for {CLASS_NAMES[best]}')}"
        f"<p>What speaks for {CLASS_NAMES[best]}</p></section>"
    )


def _img(pixels: np.ndarray, told: str) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{told}">'


# -- the page ------------------------------------------------------------------------------------

# A picture that is pasted anywhere goes where a dropped one goes.
_HEAD = """<script>
document.addEventListener("paste", (event) => {
  const input = document.querySelector("#picture input[type=file]");
  if (!input || !event.clipboardData.files.length) return;
  input.files = event.clipboardData.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
</script>"""

_CHOOSE = """element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) trigger("click", { index: Number(button.dataset.index) });
});"""

# Blue and orange of the figures, which the colour-blind can tell apart.
_CSS = """
.mk-examples h3, .mk-answers h3, h3.mk-title { font-weight: 700; margin: .25rem 0; }
.mk-examples div { display: flex; flex-wrap: wrap; gap: 6px; }
.mk-examples button { width: calc((100% - 36px) / 7); border: 2px solid transparent; }
.mk-examples button:hover, .mk-examples button:focus-visible { border-color: #0173b2; }
.mk-examples img { width: 100%; }
.mk-answers { display: flex; flex-wrap: wrap; gap: 1rem; font-size: 1.15rem; }
.mk-card { flex: 1 1 17rem; padding: .75rem 1rem; border-radius: 8px;
  border: 1px solid var(--border-color-primary); border-top: 6px solid var(--colour, gray); }
.mk-seen { flex: 0 1 12rem; }
.mk-robust { --colour: #0173b2; }
.mk-plain { --colour: #d55e00; }
.mk-card p { margin: 0 0 .5rem; overflow-wrap: anywhere; }
.mk-card img { width: 100%; max-width: 13rem; aspect-ratio: 1; display: block; }
.mk-seen img { image-rendering: pixelated; }
.mk-verdict { font-size: 1.9rem; font-weight: 700; line-height: 1.15; }
.mk-verdict small { font-size: 1.15rem; font-weight: 400; display: block; }
.mk-card table { width: 100%; margin: .5rem 0; font-variant-numeric: tabular-nums; }
.mk-card th, .mk-card td { padding: 2px 0; border: 0; line-height: 1.3; }
.mk-card th { text-align: left; font-weight: 400; width: 6.2rem; }
.mk-card td:last-child { text-align: right; width: 4rem; }
.mk-bar i { display: block; height: 1.1rem; background: var(--colour); }
.mk-near { display: flex; flex-wrap: wrap; gap: .75rem; }
.mk-near figure { margin: 0; text-align: center; line-height: 1.3; }
.mk-near img { width: 6.5rem; }
.mk-problem, .mk-hint { font-size: 1.4rem; padding: 1rem; overflow-wrap: anywhere;
  border-left: 6px solid #d55e00; }
.mk-hint { border-color: #0173b2; }
"""


def build_app() -> "gr.Blocks":
    """Builds the live page, without opening it.

    Returns:
        `gradio.Blocks`. `open_app()` also gives it its looks and limits.

    Raises:
        ImportError: when Gradio is not installed.
        FileNotFoundError, ValueError: as `load_training()`.
    """
    _gradio()
    import gradio as gr

    robust = baseline_cnn(weights="medical_mnist")
    plain = baseline_cnn(weights="medical_mnist_plain", name="plain_cnn")
    threshold = shipped_threshold(SHIPPED_MODEL)
    training, test_pictures = load_training()
    drawn = drawn_examples()
    examples = [*test_pictures, *drawn]

    def answer(picture, *strengths):
        if picture is None:
            return _HINT
        seen = damage(picture.image, strengths)
        near = None if training is None else nearest_training(seen, training)
        return show(picture, seen, ask(robust, seen, threshold), ask(plain, seen), near)

    untouched = [0] * len(SLIDERS)

    def begin(picture):
        """A new picture starts without damage."""
        return picture, answer(picture, *untouched), *untouched

    def receive(path):
        try:
            started = begin(take_upload(path))
        except ValueError as error:
            started = None, show_problem(str(error)), *untouched
        return None, *started  # the place where pictures are dropped is free again

    def choose(event: gr.EventData):
        return begin(examples[event.index])

    answer(drawn[0], *untouched)  # the first answer compiles, before anyone waits for it
    private = {"api_visibility": "private", "show_progress": "hidden"}
    with gr.Blocks(
        title="Which kind of picture is it?",
        analytics_enabled=False,
        delete_cache=(_FORGET, _FORGET),
        fill_width=True,
    ) as app:
        current = gr.State()
        gr.Markdown(
            "# Which of six kinds of picture is it?\n"
            "**Not for clinical use**: nothing here has been tested on patients. "
            "The plain model always names one of the six kinds; the robust one says "
            f"“{NONE_OF_THESE}” where it is less than {threshold:.1%} sure."
        )
        with gr.Row():
            with gr.Column(scale=3, min_width=360):
                upload = gr.File(
                    label="Drop, paste or choose a picture: PNG, JPEG, TIFF, DICOM, … of at most "
                    f"{MAX_MEGABYTES} MB",
                    elem_id="picture",
                    height=150,
                )
                with gr.Accordion("Photograph one", open=False):
                    camera = gr.Image(
                        sources=["webcam"],
                        type="filepath",
                        image_mode=None,  # the file as it came: `read_image()` decodes it
                        webcam_options=gr.WebcamOptions(mirror=False),
                        show_label=False,
                    )
                groups = {"Test pictures": test_pictures, "Drawn, not patients": drawn}
                gallery = gr.HTML(
                    show_examples(groups),
                    js_on_load=_CHOOSE,
                    apply_default_css=False,
                    elem_classes="mk-examples",
                )
                sliders = [
                    gr.Slider(
                        0,
                        CORRUPTIONS[name].strengths[-1],
                        label=f"{name}, {CORRUPTIONS[name].unit}",
                        elem_id=name.replace(" ", "-"),
                    )
                    for name in SLIDERS
                ]
            with gr.Column(scale=7, min_width=360):
                shown = gr.HTML(_HINT, js_on_load=None, apply_default_css=False)
                gr.Markdown(
                    f"Models, test and training pictures: {INFO['credit']}. Grad-CAM shows what "
                    "the score reacts to, not whether that makes medical sense."
                )
        started = [current, shown, *sliders]
        upload.upload(receive, upload, [upload, *started], **private)
        camera.input(receive, camera, [camera, *started], **private)
        gallery.click(choose, None, started, **private)
        gr.on(
            [slider.input for slider in sliders],
            answer,
            [current, *sliders],
            shown,
            trigger_mode="always_last",
            queue=False,
            **private,
        )
    return app


def open_app(
    *, host: str = "127.0.0.1", port: int | None = None, browser: bool = False
) -> "gr.Blocks":
    """Opens the live page: drop a picture, and see what the robust and the plain model say.

    Everything comes from this machine, nothing is asked of any other. In a notebook the page
    shows below the cell; it lives as long as the process, or until `close()`.

    Args:
        host: str, the address to listen on. The default lets in nobody but this machine;
            `"0.0.0.0"` lets in the network.
        port: int, or `None` for the first that is free from 7860 on.
        browser: bool. Whether to open the page in a browser of this machine.

    Returns:
        `gradio.Blocks`, serving: its `local_url` is the address, `close()` ends it. Gradio reads
        its folder for uploads from the environment: where `GRADIO_TEMP_DIR` is not set, this sets
        it for the process, to a folder that nobody else can read and that goes at the end.

    Raises:
        ImportError: when Gradio is not installed.
        OSError: when it can't listen there.
        FileNotFoundError, ValueError: when `MEDICAL_MNIST_DIR` holds no Medical MNIST.

    Example:

    ```python
    page = open_app()
    ```
    """
    gr = _gradio()
    app = build_app()
    try:
        app.launch(
            server_name=host,
            server_port=port,
            inbrowser=browser,
            share=False,  # said outright: on some hosts Gradio would open a tunnel unasked
            max_file_size=f"{MAX_MEGABYTES}mb",
            run_history=False,
            enable_monitoring=False,
            footer_links=[],
            # Of the fonts that Gradio brings along, one that is whole in bold too.
            theme=gr.themes.Default(
                primary_hue="blue",  # orange is the plain model's
                text_size=gr.themes.sizes.text_lg,
                font=[gr.themes.LocalFont("Source Sans Pro", (400, 700)), "sans-serif"],
            ),
            css=_CSS,
            head=_HEAD,
            height=900,
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise OSError(
            f"The page can't be served. Expected an address of this machine and a free port. "
            f"Received: host={host!r}, port={port!r}."
        ) from error
    return app


def _gradio():
    """Gradio, told to keep uploads in a folder that nobody else can read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in notebooks, that a widget is missing
            import gradio
    except ImportError as error:
        raise ImportError(
            "The live page needs Gradio, which is not installed. "
            'Run: pip install "medmnist_keras[demo]"'
        ) from error
    if not os.environ.get("GRADIO_TEMP_DIR"):  # all users of a machine share the default
        folder = os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="medmnist_keras-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return gradio
