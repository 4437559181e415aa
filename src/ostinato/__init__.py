"""Ostinato turns a music catalogue into governed, monitored machine-learning models, the same way every time.

Start with the line: `ostinato.pipeline` lists its steps in order, and each step is one plain function in `ostinato.steps`.
The names below are importable from here and load what they need when they are first used.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

__version__ = "0.1.0"
