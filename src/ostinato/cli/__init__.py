"""The `ostinato` command: thin sub-commands that start flows as processes and call operations."""
