"""Prefect tasks: with what patience. They call operations; retries, timeouts, limits and progress live here."""
