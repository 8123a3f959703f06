"""Serves the live page; Hugging Face runs this file."""

import os

from medmnist_keras.inference.app import block, open_app

# The hub says on which address to listen; without it, only this machine gets in.
page = open_app(host=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
print(f"Serving at {page.local_url}", flush=True)
block(page)
