"""What a whole clip has one number for: tempo, beats, onsets, key, loudness."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ostinato.audio.listener import Listener

Scalars = dict[str, float]


def rhythm(heard: Listener) -> Scalars:
    """Tempo in beats a minute, beats and onsets a second, and how evenly the beats fall (0 is even)."""
    from ostinato.audio.beat import beat_track, tempo
    from ostinato.audio.onset import onset_detect

    envelope, by_median = heard.rows("onset_strength")[0], heard.rows("beat_strength")[0]
    sr, hop_length = heard.sr, heard.hop_length
    _, beats = beat_track(onset_envelope=by_median, sr=sr, hop_length=hop_length)
    onsets = onset_detect(onset_envelope=envelope, sr=sr, hop_length=hop_length)
    seconds = heard.n_frames * hop_length / sr
    gaps = np.diff(beats)
    return {
        "tempo": float(tempo(onset_envelope=envelope, sr=sr, hop_length=hop_length)[0]),
        "beat_rate": len(beats) / seconds,
        "beat_interval_std": float(gaps.std() / gaps.mean()) if len(gaps) else 0.0,
        "onset_rate": len(onsets) / seconds,
    }


def key(heard: Listener) -> Scalars:
    """Tonic as a pitch class (0 is C), mode (1 major, 0 minor) and how clear the key is, from mean chroma_cqt."""
    from ostinato.audio.key import key as key_of

    rows = heard.row_groups("chroma_cqt", 1)
    found = key_of(np.concatenate([row.mean(axis=1, dtype=np.float64) for row in rows]))
    return {
        "key_tonic": float(found.tonic),
        "key_mode": float(found.mode == "major"),
        "key_confidence": found.confidence,
    }


def loudness(heard: Listener) -> Scalars:
    """EBU R 128 of the mono signal as it was heard, at the listener's rate: LUFS, LU, dBTP; silence is at its floor."""
    from ostinato.audio.loudness import LoudnessMeter

    meter = LoudnessMeter(heard.sr, 1)
    for block in heard.samples():
        meter.feed(block)
    heard_as = meter.result().bounded()
    return {
        "loudness_integrated": heard_as.integrated,
        "loudness_range": heard_as.range,
        "true_peak": heard_as.true_peak,
    }


SCALARS: tuple[Callable[[Listener], Scalars], ...] = (rhythm, key, loudness)
