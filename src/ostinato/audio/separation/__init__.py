"""Source separation: `SourceSeparator` takes a recording apart into named stems; `si_sdr` says how well."""

from ostinato.audio.separation.score import si_sdr
from ostinato.audio.separation.separator import Method, Separation, SourceSeparator

__all__ = ["Method", "Separation", "SourceSeparator", "si_sdr"]
