"""What visitors may ask of the machine that serves the live page, so that each gets an answer.

`python -m benchmarks.load` measures it, with fifty visitors at once.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

MAX_MEGABYTES = 25  # of an upload: enough for a photo or an X-ray, soon sent and soon read
MAX_WAITING = 100  # pictures: two for each of fifty visitors; whoever comes then is told
AT_A_TIME = 1  # that are read: one of 100 megapixels takes 2 GB of memory until it is 64x64
FORGET = 60  # seconds after which an upload is deleted that nobody read
LOOK = 10  # seconds between looking for such

_MAX_BODY = (MAX_MEGABYTES + 1) * 2**20  # the upload, and what names it


def server_settings(folder: Path) -> dict[str, Any]:
    """What `launch(app_kwargs=…)` takes, where Gradio itself has no limit.

    - A request that is too large is refused before anything of it is stored. Gradio's
      `max_file_size` is that of one file, and lets a request bring a thousand.
    - Gradio would write recordings, which the page has none of, where nobody deletes them.
    - What Gradio leaves of an upload that was broken off is deleted, too.

    Args:
        folder: `Path` of the page's uploads.

    Returns:
        dict of str to what Starlette makes an application of: `middleware`, `routes`, `lifespan`.
    """
    from starlette.middleware import Middleware
    from starlette.middleware.body_limit import RequestBodyLimitMiddleware
    from starlette.responses import Response
    from starlette.routing import Route

    async def refuse(request) -> Response:
        return Response(status_code=404)

    @asynccontextmanager
    async def lifespan(app):
        sweeping = asyncio.create_task(_sweep_regularly(folder))
        yield
        sweeping.cancel()

    return {
        "middleware": [Middleware(RequestBodyLimitMiddleware, max_body_size=_MAX_BODY)],
        "routes": [Route("/gradio_api/process_recording", refuse, methods=["POST"])],
        "lifespan": lifespan,
    }


async def _sweep_regularly(folder: Path) -> None:
    while True:
        sweep(folder)
        await asyncio.sleep(LOOK)


def sweep(folder: Path) -> None:
    """Deletes the files right in a folder that nobody has written to for `FORGET` seconds.

    Whole uploads are in folders below, where Gradio's `delete_cache` looks after them.
    """
    for path in folder.glob("tmp*"):
        with suppress(OSError):  # gone meanwhile, or open on Windows
            if path.is_file() and time.time() - path.stat().st_mtime > FORGET:
                path.unlink()
