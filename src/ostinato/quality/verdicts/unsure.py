"""The one reason not to judge here: nobody can say for certain that the vendor would say the same."""

from __future__ import annotations


class Unsure(Exception):  # noqa: N818 - a decision, not an error
    """This expectation on this column is left to Great Expectations."""
