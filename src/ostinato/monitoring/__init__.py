"""Drift of features and predictions against a baseline; the one room that talks to Evidently."""
