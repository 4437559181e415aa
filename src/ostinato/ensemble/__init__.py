"""Combining fitted candidates: greedy weighted soft voting."""
