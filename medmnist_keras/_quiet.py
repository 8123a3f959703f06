"""Imports Keras and its backend without TensorFlow's start-up log, which nobody in a notebook
or an audience needs and which no setting silences wholly; `check` shows what it says of GPUs.

Sets environment variables that are not set yet: the log's level, and that memory of a GPU is
taken as it is needed, for otherwise one notebook leaves none to the next."""

import logging
import os

# 3, for without a GPU TensorFlow logs an error that is none. What goes wrong is raised as ever.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the same for JAX
# C++ writes to file descriptor 2, past Python's sys.stderr.
try:
    _stderr = os.dup(2)
except OSError:  # closed, so quiet already
    import keras
else:
    _nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(_nowhere, 2)
    try:
        import keras  # noqa: F401
    finally:
        os.dup2(_stderr, 2)
        os.close(_stderr)
        os.close(_nowhere)
# Its advice about retracing, given whenever several models predict in one session.
logging.getLogger("tensorflow").setLevel(logging.ERROR)
