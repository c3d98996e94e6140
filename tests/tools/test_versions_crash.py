"""What is published survives the death of the process that was about to publish something else."""

import signal
import subprocess
import sys

import pytest

from tests.tools.versioned import Editor
from tests.tools.versions_crash import POINTS
from tools.store import Store
from tools.versions.spec import Moved, Pointers


@pytest.mark.parametrize("point", POINTS)
def test_kill_9_between_write_and_publish_leaves_the_old_version_published(
    store_url: str, store: Store, point: str
) -> None:
    desk = Editor(store)
    first = desk.taken(shop="one")
    program = [sys.executable, "-m", "tests.tools.versions_crash", store_url, point]
    assert subprocess.run(program, timeout=40, check=False).returncode == -signal.SIGKILL

    assert desk.live() == {"shop": "one"}
    assert len(desk.versions.events(9)) == 1
    if point == "folder":
        # Nothing of it is left, so the next start takes the folder over as if it were new.
        assert desk.versions.pointers() == Pointers(first, first, first)
        assert isinstance(desk.folder(shop="two"), Moved)
    else:
        (draft, _) = desk.versions.history(9)
        assert desk.texts(draft.id) == {"shop": "two"}
        assert desk.versions.pointers() == Pointers(draft.id, first, first)
        desk.published(draft.id)
    assert desk.live() == {"shop": "two"}
