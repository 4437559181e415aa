"""What a saved artefact may cost, held against what was measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Bounds:
    """Bytes of the files, bytes of memory of the model and of the whole process that predicts, milliseconds of a row (p99)."""

    max_bytes: int = 5_000_000
    max_model_memory: int = 50_000_000
    max_process_memory: int = 100_000_000
    max_p99_ms: float = 1.0

    def faults(self, measured: Mapping[str, Any]) -> list[str]:
        """What is over its bound, in words."""
        found = []
        for bound, figure, unit in (
            ("max_bytes", "bytes", "bytes"),
            ("max_model_memory", "model_memory_bytes", "bytes of memory for the model"),
            ("max_process_memory", "process_memory_bytes", "bytes of memory for the process"),
            ("max_p99_ms", "p99_ms", "ms for a row (p99)"),
        ):
            allowed, value = getattr(self, bound), measured[figure]
            if value > allowed:
                found.append(f"{value:,.6g} {unit} where {bound} allows {allowed:,.6g}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """The bounds as JSON."""
        return asdict(self)
