"""Every benchmark, one after the other: python -m tests.bench [options of tests.bench.load]."""

import sys

from tests.bench import booking, dsp
from tests.bench.load.__main__ import arguments, main

if __name__ == "__main__":
    if not arguments(sys.argv[1:]).json:
        dsp.main()
        print(flush=True)
        booking.main()
        print(flush=True)
    sys.exit(main(sys.argv[1:]))
