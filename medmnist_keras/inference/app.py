"""The live page: drop a picture, compare the robust and the plain model's predictions.

Gradio serves the page and all that it loads, from this machine; it is imported here alone, and
only when a page is opened. Nothing of an upload is trusted or kept: whatever the file, it goes
through `read_image()`, and is deleted as soon as its bytes are read. What is shown are 64x64
pictures inside the page itself, so no file is written for them.
"""

# No `from __future__ import annotations`: Gradio reads that of `choose()` below at run time.
import atexit
import os
import shutil
import signal
import tempfile
import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..evaluation.corruptions import CORRUPTIONS
from ..info import INFO
from ..models.networks import baseline_cnn
from ..models.shipped import SHIPPED_MODEL, load_model, shipped_threshold
from .html import HINT, show, show_examples, show_problem
from .limits import AT_A_TIME, FORGET, LOOK, MAX_MEGABYTES, MAX_WAITING, server_settings
from .predicting import NONE_OF_THESE
from .session import (
    SLIDERS,
    ask,
    damage,
    drawn_examples,
    load_training,
    nearest_training,
    take_upload,
)

if TYPE_CHECKING:
    import gradio as gr

_FOLDER = "medmnist_keras-"  # how the name of the folder of uploads begins


def _page(name: str) -> str:
    return (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")


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
    answering, _ = load_model(SHIPPED_MODEL)
    threshold = shipped_threshold(SHIPPED_MODEL)
    training, test_pictures = load_training()
    drawn = drawn_examples()
    examples = [*test_pictures, *drawn]

    def answer(picture, *strengths):
        if picture is None:
            return HINT
        seen = damage(picture.image, strengths)
        near = None if training is None else nearest_training(seen, training)
        return show(picture, seen, ask(robust, seen, answering, threshold), ask(plain, seen), near)

    untouched = [0] * len(SLIDERS)

    def begin(picture):
        """A new picture starts without damage."""
        return picture, answer(picture, *untouched), *untouched

    # Gradio names the place of an upload by its content: two visitors who drop the same picture
    # share a file, which is gone when the second one's turn comes.
    take = lru_cache(MAX_WAITING)(take_upload)

    def receive(path):
        try:
            started = begin(take(path))
        except ValueError as error:
            started = None, show_problem(str(error)), *untouched
        finally:
            Path(path).unlink(missing_ok=True)  # also where what it holds was remembered
        return None, *started  # the place where pictures are dropped is free again

    def choose(event: gr.EventData):
        return begin(examples[event.index])

    answer(drawn[0], *untouched)  # the first answer compiles, before anyone waits for it
    private = {"api_visibility": "private", "show_progress": "hidden"}
    with gr.Blocks(
        title="Which kind of picture is it?",
        analytics_enabled=False,
        delete_cache=(LOOK, FORGET),
        fill_width=True,
    ) as app:
        current = gr.State()
        gr.Markdown(
            "# Which of six kinds of picture is it?\n"
            "**Not for clinical use**: nothing here has been tested on patients. "
            "The plain model always names one of the six kinds; the robust one says "
            f"“{NONE_OF_THESE}” where the probability that it is one is under {threshold:.0%}."
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
                    js_on_load=_page("choose.js"),
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
                shown = gr.HTML(HINT, js_on_load=None, apply_default_css=False)
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
    # Closed to direct calls, for they would pass by the queue.
    return app.queue(max_size=MAX_WAITING, default_concurrency_limit=AT_A_TIME, api_open=False)


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
        its folder for uploads from the environment: this sets `GRADIO_TEMP_DIR` for the process,
        to a folder below it that nobody else can read and that goes at the end.

    Raises:
        ImportError: when Gradio is not installed.
        OSError: when it can't listen there.
        FileNotFoundError, ValueError: when `MEDICAL_MNIST_DIR` holds no Medical MNIST.
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
            app_kwargs=server_settings(Path(os.environ["GRADIO_TEMP_DIR"])),
            run_history=False,
            enable_monitoring=False,
            footer_links=[],
            # Of the fonts that Gradio brings along, one that is whole in bold too.
            theme=gr.themes.Default(
                primary_hue="blue",  # orange is the plain model's
                text_size=gr.themes.sizes.text_lg,
                font=[gr.themes.LocalFont("Source Sans Pro", (400, 700)), "sans-serif"],
            ),
            css=_page("page.css"),
            head=f"<script>{_page('paste.js')}</script>",
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


def block(page: "gr.Blocks") -> None:
    """Serves a page until Ctrl+C or SIGTERM, after which no file is left."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    page.block_thread()


def _gradio():
    """Gradio, told to keep uploads in a folder that nobody else can read."""
    given = os.environ.get("GRADIO_TEMP_DIR")
    if not given or not Path(given).name.startswith(_FOLDER):  # all users share the default
        folder = os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix=_FOLDER, dir=given or None)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in notebooks, that a widget is missing
            import gradio
    except ImportError as error:
        raise ImportError(
            "The live page needs Gradio, which is not installed. "
            'Run: pip install "medmnist_keras[demo]"'
        ) from error
    return gradio
