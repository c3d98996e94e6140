"""Makes up what peers might send, led by what of the parsers it has reached: `make fuzz`.

    python -m tests.fuzzer TARGET SECONDS FOLDER [LIBFUZZER OPTIONS]

Runs in an environment of its own, beside ours (infra/throwaway.sh). Starts from tests/fuzz/TARGET,
keeps what leads somewhere new in FOLDER/TARGET, and an input that breaks a promise beside it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["agents", "telephony.twilio", "tools.spec"]):
    from tests.fuzzing import CORPUS, LONGEST, TARGETS


def main(argv: Sequence[str]) -> None:
    name, seconds, folder, *options = argv
    kept = Path(folder) / name
    kept.mkdir(parents=True, exist_ok=True)
    limits = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        "-timeout=5",
        "-rss_limit_mb=1024",
    ]
    found = f"-artifact_prefix={folder}/{name}-"
    seeds = [str(kept), str(CORPUS / name)]
    atheris.Setup([sys.argv[0], *limits, found, *options, *seeds], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
