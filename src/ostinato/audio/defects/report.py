"""What a detector says: one value a defect, and how evidence becomes certainty."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal, get_args

Kind = Literal[
    "clipping",
    "dropout",
    "silence",
    "truncation",
    "dc_offset",
    "fake_bandwidth",
    "inverted_channel",
    "missing_channel",
    "dual_mono",
    "noise_burst",
    "hum",
]
Severity = Literal["low", "medium", "high"]

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, order=True)
class Defect:
    """One defect of a recording: what, from when to when, in which channel, how sure, how bad, and why.

    `start` and `end` are seconds from the first sample; `channel` counts from 0 and is None where all channels share the
    defect; `confidence` is 0 to 1; `why` is one sentence with the figures behind it.
    """

    start: float
    end: float
    kind: Kind
    channel: int | None
    confidence: float
    severity: Severity
    why: str

    def as_dict(self) -> dict[str, str | float | int | None]:
        """The fields as JSON can hold them.

        >>> Defect(0.0, 1.0, "silence", None, 0.9, "low", "1.00 s").as_dict()["kind"]
        'silence'
        """
        return asdict(self)

    @property
    def key(self) -> tuple[float, str, int, float]:
        """By what defects are sorted: when, which kind, which channel."""
        return (self.start, self.kind, -1 if self.channel is None else self.channel, self.end)


def certainty(evidence: float, threshold: float, width: float) -> float:
    """Evidence on a scale of 0 to 1: one half at the threshold, 0.73 one `width` above it.

    >>> certainty(12, 12, 3), round(certainty(15, 12, 3), 2)
    (0.5, 0.73)
    """
    return round(1 / (1 + math.exp(-max(min((evidence - threshold) / width, 60.0), -60.0))), 4)


def decibels(ratio: float) -> float:
    """A ratio of amplitudes in dB, at least -200."""
    return 20 * math.log10(max(ratio, 1e-10))


def severity_of(value: float, medium: float, high: float) -> Severity:
    """Low below `medium`, high from `high` on."""
    return "high" if value >= high else "medium" if value >= medium else "low"
