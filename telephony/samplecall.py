"""A call to look at before there was any: one that `frontdesk try` once made, brought along.

It is put into an archive that has no call at all, is called `sample` wherever it is shown, and can
be deleted like any other. Its journal is left out, which is ten times as large as the rest.
"""

import shutil
import zipfile
from pathlib import Path

from telephony.transcripts.files import RECORDINGS, SUMMARY, TRANSCRIPT

CALL_ID = "sample-booking"
DAY = "2026-11-20"
"""When it was made."""
PACKED = Path(__file__).parent / "sample" / "call.zip"
FILES = (*RECORDINGS.values(), TRANSCRIPT, SUMMARY)


def put_sample(data_dir: Path) -> bool:
    """Put the sample into an archive without calls; whether it was. Raises OSError."""
    calls = data_dir / "calls"
    if calls.is_dir() and any(day.is_dir() and any(day.iterdir()) for day in calls.iterdir()):
        return False
    draft = data_dir / f"{CALL_ID}.part"
    shutil.rmtree(draft, ignore_errors=True)
    for folder in (data_dir, calls, draft):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with zipfile.ZipFile(PACKED) as packed:
        for name in FILES:
            file = draft / name
            file.touch(mode=0o600)
            file.write_bytes(packed.read(name))
    (calls / DAY).mkdir(exist_ok=True, mode=0o700)
    # All of it or nothing: a folder that is there is a call.
    draft.rename(calls / DAY / CALL_ID)
    return True
