"""Training: `train()`, two-stage fine-tuning, backups, GPUs, several machines.

It owns the learning rate, the best epoch, resuming after a crash, and jobs of several machines.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
