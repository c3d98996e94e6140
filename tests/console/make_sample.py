"""Pack a stored call as the sample: python -m tests.console.make_sample FOLDER

FOLDER is that of a call of `frontdesk try`, which has no real caller in it.
"""

import json
import sys
import zipfile
from pathlib import Path

from telephony.samplecall import CALL_ID, FILES, PACKED
from telephony.transcripts.files import SUMMARY


def main(folder: Path) -> None:
    PACKED.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(PACKED, "w", zipfile.ZIP_LZMA) as packed:
        for name in FILES:
            content = (folder / name).read_bytes()
            if name == SUMMARY:
                summary = {**json.loads(content), "call_id": CALL_ID}
                content = json.dumps(summary, indent=2).encode() + b"\n"
            packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_LZMA)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
