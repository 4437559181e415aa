"""Run every benchmark with its defaults: `python -m benchmarks`. Exit code 1 where one exceeds its bounds."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path


def main() -> int:
    sys.argv = sys.argv[:1]  # each reads its own options
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    codes = [importlib.import_module(f"benchmarks.{name}").main() for name in names if not name.startswith("_")]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
