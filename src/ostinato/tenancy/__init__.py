"""Workspaces: their identity, their paths, their making."""
