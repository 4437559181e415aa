"""What is wrong with a recording, where, how surely and why: start with `AudioQualityDetector`.

    from ostinato.audio.defects import AudioQualityDetector
    AudioQualityDetector().detect("song.flac")

Each kind of defect is one module with a monitor that hears the recording in chunks of 0.25 s; files, waveforms and streams
all go that way, so that they agree.
"""

from ostinato.audio.defects.detector import AudioQualityDetector, DefectStream
from ostinato.audio.defects.report import KINDS, Defect, Kind, Severity

__all__ = ["KINDS", "AudioQualityDetector", "Defect", "DefectStream", "Kind", "Severity"]
