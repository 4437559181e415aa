"""Algorithms as declarative entries, search spaces as data, and the search over them by Optuna."""
