"""The 14 checks of the system: each runs something real and shows its figure beside its bound."""

from ostinato.operations.validation.running import Check, Report, validate

__all__ = ["Check", "Report", "validate"]
