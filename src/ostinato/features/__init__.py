"""Feature tables: their cache by content, and the inputs of a problem."""
