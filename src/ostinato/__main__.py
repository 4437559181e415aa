"""`python -m ostinato`: the command line, with one place where errors become messages and exit codes."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; 0 done, 1 refused or failed with a reason, 2 bad usage."""
    from ostinato.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
