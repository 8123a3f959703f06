"""Visitors of the two pages, as their browsers ask: many at once, in one thread."""

from __future__ import annotations

import asyncio
import io
import time
import uuid
from collections.abc import Awaitable, Sequence
from typing import NamedTuple

import httpx
import numpy as np
from PIL import Image

from medmnist_keras.augmentation.body_parts import draw_body_parts

PATIENCE = 60  # seconds that a visitor waits for one answer
SIDE = 512  # pixels of a visitor's picture
BROWSER = httpx.Limits(max_connections=6)  # to one server, as browsers do


class Wait(NamedTuple):
    """What a visitor asked for, for how many seconds they waited, and what came:
    `"answer"`, `"refusal"`, which says why, or `"nothing"`."""

    what: str
    seconds: float
    came: str


def draw_files(count: int) -> list[bytes]:
    """Pictures that look like X-rays, as JPEG files of some 10 kB."""
    files = []
    for pixels in draw_body_parts(count):
        file = io.BytesIO()
        Image.fromarray(pixels[..., 0]).resize((SIDE, SIDE)).save(file, "JPEG")
        files.append(file.getvalue())
    return files


def draw_large(megabytes: float) -> bytes:
    """A picture of noise in a PNG file of this size, within a hundredth: it can be read."""
    side = round((megabytes * 1e6) ** 0.5 * 0.998)
    pixels = np.random.default_rng(0).integers(0, 256, (side, side), dtype="uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


async def timed(what: str, asking: Awaitable[str]) -> Wait:
    """How long it took until something came."""
    start = time.perf_counter()
    try:
        came = await asyncio.wait_for(asking, PATIENCE)
    except (httpx.HTTPError, TimeoutError):
        came = "nothing"
    return Wait(what, time.perf_counter() - start, came)


class Visitor:
    """One open tab of the live page."""

    def __init__(self, address: str) -> None:
        self.client = httpx.AsyncClient(base_url=address, limits=BROWSER, timeout=PATIENCE)
        self.session = uuid.uuid4().hex
        self.functions: dict[str, int] = {}

    async def open(self) -> str:
        """Loads the page, and learns what it can be asked."""
        (await self.client.get("/")).raise_for_status()
        for function in (await self.client.get("/config")).json()["dependencies"]:
            for _, event in function["targets"]:
                self.functions[event] = function["id"]
        return "answer"

    async def show(self, name: str, file: bytes) -> str:
        """Drops a picture, and waits for what the models say."""
        sent = await self.send(name, file)
        return "refusal" if sent.is_error else await self.ask(sent.json()[0])

    async def send(self, name: str, file: bytes) -> httpx.Response:
        """Uploads a picture."""
        return await self.client.post("/gradio_api/upload", files={"files": (name, file)})

    async def ask(self, path: str) -> str:
        """Waits for what the models say of an upload."""
        picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
        call = self.call("upload", picture)
        joined = await self.client.post("/gradio_api/queue/join", json=call)
        if joined.is_error:
            return "refusal"
        asked = {"session_hash": self.session}
        async with self.client.stream("GET", "/gradio_api/queue/data", params=asked) as events:
            async for line in events.aiter_lines():
                if '"process_completed"' in line:
                    return "answer" if "mk-answers" in line else "nothing"
        return "nothing"

    async def slide(self, strength: float) -> str:
        """Moves the first slider."""
        call = self.call("input", None, strength, 0, 0, 0)
        answer = await self.client.post("/gradio_api/run/predict", json=call)
        return "answer" if "mk-answers" in answer.text else "nothing"

    def call(self, event: str, *data) -> dict:
        """What asks one of the page's functions."""
        index = self.functions[event]
        return {"data": data, "fn_index": index, "session_hash": self.session}


async def visit(address: str, files: Sequence[bytes]) -> list[Wait]:
    """Opens the live page, shows it each picture and moves a slider."""
    visitor = Visitor(address)
    async with visitor.client:
        waits = [await timed("the page", visitor.open())]
        for number, file in enumerate(files):
            waits.append(await timed("a picture", visitor.show("picture.jpg", file)))
            waits.append(await timed("a slider", visitor.slide(10 * (number + 1))))
    return waits


async def flood(address: str, file: bytes, times: int) -> list[Wait]:
    """Shows the live page a picture many times at once, each in a tab of its own."""

    async def show(number: int) -> Wait:
        visitor = Visitor(address)
        async with visitor.client:
            await visitor.open()
            return await timed("a large picture", visitor.show(f"{number}.png", file))

    return await asyncio.gather(*map(show, range(times)))


async def fetch(address: str, names: Sequence[str]) -> list[Wait]:
    """Loads the static page, first itself and then all its files at once."""

    async def get(client: httpx.AsyncClient, name: str) -> str:
        answer = await client.get(f"/{name}")
        return "answer" if answer.is_success else "nothing"

    async def load() -> str:
        async with httpx.AsyncClient(base_url=address, limits=BROWSER, timeout=PATIENCE) as client:
            first = await get(client, "")
            others = await asyncio.gather(*(get(client, name) for name in names))
            return "answer" if {first, *others} == {"answer"} else "nothing"

    return [await timed("all files", load())]


def together(visits: Sequence[Awaitable[list[Wait]]]) -> list[Wait]:
    """All visits at once."""

    async def gather():
        return await asyncio.gather(*visits)

    return [wait for visit in asyncio.run(gather()) for wait in visit]
