"""Registered model versions, approvals and lineage; the one room that talks to MLflow."""
