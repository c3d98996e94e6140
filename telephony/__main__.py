"""`python -m telephony` and the `frontdesk` command."""

import gc
import os
import sys

# What is imported stays, and is no garbage. To look for some in it, while it grows and when all
# is over, takes a third of the time of a short command.
gc.disable()
try:
    from telephony.cli.main import run
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] in ("agents", "telephony", "tools"):
        raise
    sys.exit(f"frontdesk: the package {error.name} is not installed. Run make setup.")
finally:
    gc.freeze()
    gc.enable()


def main() -> None:
    # What is written holds callers' words and numbers: it is for this user alone.
    os.umask(0o077)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
