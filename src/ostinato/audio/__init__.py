"""From files to features: decoding, and the numbers that librosa's users know."""
