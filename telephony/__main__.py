"""`python -m telephony` and the `frontdesk` command."""

import sys

from telephony.cli.main import run


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
