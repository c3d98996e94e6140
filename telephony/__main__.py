"""`python -m telephony` and the `frontdesk` command."""

import os
import sys

try:
    from telephony.cli.main import run
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] in ("agents", "telephony", "tools"):
        raise
    sys.exit(f"frontdesk: the package {error.name} is not installed. Run make setup.")


def main() -> None:
    # What is written holds callers' words and numbers: it is for this user alone.
    os.umask(0o077)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
