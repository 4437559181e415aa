"""Columns of a table of tracks that mean the same in every room."""

from __future__ import annotations

# What a track may be used for, and until when: none of it describes the music, so none may become a feature or be filled in.
RIGHTS = (
    *("opt_out", "opt_out_training", "opt_out_analysis", "consent", "consent_training", "consent_analysis"),
    *("consent_from", "consent_until", "licence", "licence_from", "licence_until", "territory"),
)
