"""Prefect flows: in what order, on what schedule, waiting for whom. They call tasks."""
