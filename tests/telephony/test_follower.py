"""A running service follows the folder and the database, and nothing broken gets into calls."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from telephony.follower import Begun, FolderState, Follower, begin
from tests.telephony.api_client import new_database
from tests.tools.versioned import NOON, Clock, Editor
from tools.config import ConfigError
from tools.spec import BackendError
from tools.store import open_store
from tools.versions.current import Current, Live
from tools.versions.files import Files
from tools.versions.spec import Pointers
from tools.versions.versions import Versions


class Shop:
    """A folder, a database, and what was built for calls."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        self.store = open_store(f"sqlite:///{database}")
        self.desk = Editor(self.store)
        self.versions = self.desk.versions
        self.built: list[int] = []
        self.refuses = ""

    def write(self, **files: str | None) -> None:
        self.folder.mkdir(exist_ok=True)
        for name, text in files.items():
            path = self.folder / f"{name}.yaml"
            if text is None:
                path.unlink()
            else:
                path.write_text(text)

    async def build(self, version: int, files: Files) -> dict[str, str]:
        if self.refuses and self.refuses in files.values():
            raise ConfigError("shop.yaml", "cannot be put to use", "Mend it")
        self.built.append(version)
        return dict(files)

    def start(self) -> None:
        """As a service starts."""
        self.begun: Begun = begin(self.folder, self.versions)
        self.current = Current(Live(self.begun.version, self.begun.files))
        self.follower = Follower(
            self.folder, self.versions, self.build, self.current, self.begun, Clock()
        )

    async def look(self, times: int = 2) -> None:
        """Two looks settle a change."""
        for _ in range(times):
            await self.follower.look()

    @property
    def live(self) -> tuple[int, dict[str, str]]:
        live = self.current.live
        return live.version, {path.removesuffix(".yaml"): text for path, text in live.built.items()}

    @property
    def state(self) -> FolderState:
        return self.follower.standing.folder


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_database(tmp_path_factory.mktemp("migrated"))


@pytest.fixture
def shop(tmp_path: Path, migrated: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "config", Path(shutil.copy(migrated, tmp_path)))
    yield shop
    shop.store.close()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


# ---- the start ----------------------------------------------------------------------------------


def test_a_first_start_takes_the_folder_over(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    assert shop.begun == Begun(1, {"shop.yaml": "one"}, FolderState.TAKEN, ())
    assert shop.versions.pointers() == Pointers(1, 1, 1)


def test_a_first_start_without_a_folder_goes_by_nothing(shop: Shop) -> None:
    shop.start()
    assert (shop.begun.version, shop.begun.files) == (1, {})


def test_a_first_start_with_a_broken_folder_says_where(shop: Shop) -> None:
    shop.write(shop="broken")
    with pytest.raises(ConfigError) as caught:
        shop.start()
    assert caught.value.where == str(shop.folder / "shop.yaml:1:1")
    assert shop.versions.history(9) == []


def test_fault_x12_a_start_with_a_broken_folder_goes_by_the_last_good_version_and_says_so(
    shop: Shop,
) -> None:
    shop.write(shop="one")
    shop.start()
    shop.write(shop="broken", phone="broken")
    (shop.folder / "crm.yaml").write_bytes(b"\xff")
    with structlog.testing.capture_logs() as logs:
        shop.start()
    assert shop.begun.files == {"shop.yaml": "one"}
    assert (shop.begun.version, shop.begun.folder) == (1, FolderState.BROKEN)
    (told,) = logs
    assert (told["event"], told["log_level"], told["version"]) == (
        "config_folder_not_used",
        "error",
        1,
    )
    assert [reason.split(":")[0] for reason in told["reasons"]] == [
        "crm.yaml",
        "phone.yaml",
        "shop.yaml",
    ]


def test_what_changed_while_nothing_ran_is_taken_over_at_the_start(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    shop.write(shop="two")
    shop.start()
    assert shop.begun.files == {"shop.yaml": "two"}


def test_a_start_keeps_what_was_published_over_the_api(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    shop.desk.published(shop.desk.saved(1, shop="ann's"))
    shop.start()
    assert (shop.begun.version, shop.begun.files) == (2, {"shop.yaml": "ann's"})


def test_a_folder_that_is_gone_or_empty_replaces_nothing(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    shop.write(shop=None)
    shop.start()
    assert (shop.begun.files, shop.begun.folder) == ({"shop.yaml": "one"}, FolderState.MISSING)
    shop.folder.rmdir()
    shop.start()
    assert (shop.begun.version, shop.begun.folder) == (1, FolderState.MISSING)


def test_a_published_version_that_a_newer_program_refuses_gives_way_to_one_before(
    shop: Shop,
) -> None:
    shop.write(shop="one")
    shop.start()
    shop.desk.published(shop.desk.saved(1, shop="two"))

    def stricter(files: Files) -> list[ConfigError]:
        return [ConfigError("shop.yaml", "no", "x")] * ("two" in files.values())

    shop.versions = Versions(shop.store, stricter, Clock())
    with structlog.testing.capture_logs() as logs:
        shop.start()
    assert (shop.begun.version, shop.begun.files) == (1, {"shop.yaml": "one"})
    assert logs[0]["event"] == "config_published_version_unusable"


# ---- the folder ---------------------------------------------------------------------------------


async def test_a_change_goes_live_when_two_looks_have_found_the_same(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    await shop.look()
    shop.write(shop="tw")
    await shop.look(1)
    assert (shop.state, shop.live) == (FolderState.SETTLING, (1, {"shop": "one"}))
    shop.write(shop="two")
    await shop.look(1)
    assert shop.state is FolderState.SETTLING
    await shop.look(1)
    assert (shop.state, shop.live) == (FolderState.TAKEN, (2, {"shop": "two"}))
    assert len(shop.versions.history(9)) == 2, "the half-written file was no version"
    await shop.look(3)
    assert shop.built == [2]


async def test_fault_x12_a_broken_file_replaces_nothing_and_the_reason_is_kept(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    shop.write(shop="broken")
    with structlog.testing.capture_logs() as logs:
        await shop.look(4)
    assert shop.live == (1, {"shop": "one"})
    assert (shop.state, shop.follower.standing.reasons) == (
        FolderState.BROKEN,
        ("shop.yaml:1:1: is broken. Mend it.",),
    )
    assert [each["event"] for each in logs] == ["config_folder_not_used"], "told once"
    assert shop.follower.standing.since > NOON
    shop.write(shop="mended")
    await shop.look()
    assert (shop.state, shop.follower.standing.reasons) == (FolderState.TAKEN, ())
    assert shop.live == (2, {"shop": "mended"})


async def test_fault_x12_what_was_settled_before_and_is_there_again_stands_as_it_did(
    shop: Shop,
) -> None:
    shop.write(shop="one")
    shop.start()
    await shop.look()
    shop.write(shop="broken")
    await shop.look(3)
    broken = shop.follower.standing
    shop.write(shop="two")
    await shop.look(1)
    assert shop.state is FolderState.SETTLING
    shop.write(shop="broken")
    await shop.look(3)
    standing = shop.follower.standing
    assert (standing.folder, standing.reasons) == (FolderState.BROKEN, broken.reasons)


async def test_an_editor_that_writes_beside_and_renames_is_understood(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    await shop.look()
    beside = shop.folder / ".shop.yaml.swp"
    beside.write_text("tw")
    await shop.look()
    assert shop.state is FolderState.TAKEN
    beside.write_text("two")
    beside.rename(shop.folder / "shop.yaml")
    await shop.look()
    assert shop.live == (2, {"shop": "two"})


async def test_a_file_of_the_same_size_and_time_is_seen_to_have_changed(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    path = shop.folder / "shop.yaml"
    stamp = path.stat()
    await shop.look()
    path.write_text("two")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    await shop.look()
    assert shop.live == (2, {"shop": "two"})


async def test_a_folder_emptied_under_a_running_service_replaces_nothing(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    shop.write(shop=None)
    await shop.look()
    assert (shop.state, shop.live[0]) == (FolderState.MISSING, 1)
    shop.write(shop="one")
    await shop.look()
    assert (shop.state, shop.live[0]) == (FolderState.TAKEN, 1)


async def test_a_file_that_could_be_kept_in_no_version_is_a_broken_folder(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    shop.write(**{f"f{number}": "x" * 65_000 for number in range(70)})
    await shop.look()
    assert shop.state is FolderState.BROKEN
    assert "is over 4 MiB" in shop.follower.standing.reasons[0]


async def test_a_conflict_with_others_waits_for_somebody_to_decide(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    shop.desk.published(shop.desk.saved(1, shop="ann's"))
    await shop.look()
    assert shop.live == (2, {"shop": "ann's"})
    shop.write(shop="the folder's")
    await shop.look()
    standing = shop.follower.standing
    assert (standing.folder, standing.draft) == (FolderState.CONFLICT, 3)
    assert "changed in the folder and in version 2" in standing.reasons[0]
    assert shop.live == (2, {"shop": "ann's"})
    shop.desk.published(3, anyway=True)
    await shop.look(3)
    assert (shop.state, shop.follower.standing.draft) == (FolderState.TAKEN, None)
    assert shop.live == (3, {"shop": "the folder's"})


async def test_a_broken_folder_is_looked_at_again_when_others_publish(shop: Shop) -> None:
    def needy(files: Files) -> list[ConfigError]:
        lacks = "needs b" in files.values() and "b.yaml" not in files
        return [ConfigError("a.yaml:1:1", "needs b", "Add it")] if lacks else []

    shop.versions = Versions(shop.store, needy, Clock())
    shop.write(a="one")
    shop.start()
    shop.write(a="needs b")
    await shop.look()
    assert shop.follower.standing.reasons
    shop.desk.published(shop.desk.saved(1, b="two"))
    await shop.look(3)
    assert (shop.state, shop.live[1]) == (FolderState.TAKEN, {"a": "needs b", "b": "two"})


# ---- what is published --------------------------------------------------------------------------


async def test_what_is_published_elsewhere_reaches_the_next_call_and_no_call_before(
    shop: Shop,
) -> None:
    shop.write(shop="one")
    shop.start()
    running = shop.current.live
    shop.desk.published(shop.desk.saved(1, shop="two"))
    await shop.look(1)
    assert shop.live == (2, {"shop": "two"})
    assert (running.version, running.built) == (1, {"shop.yaml": "one"})
    shop.versions.roll_back("bob", "")
    await shop.look(1)
    assert shop.live == (1, {"shop": "one"})
    assert shop.follower.standing.running == 1


async def test_a_version_that_cannot_be_put_to_use_leaves_the_one_before(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    shop.refuses = "two"
    shop.desk.published(shop.desk.saved(1, shop="two"))
    with structlog.testing.capture_logs() as logs:
        await shop.look(3)
    assert shop.live == (1, {"shop": "one"})
    standing = shop.follower.standing
    assert (standing.running, standing.unusable) == (1, 2)
    assert standing.unusable_because == "shop.yaml: cannot be put to use. Mend it."
    assert [each["event"] for each in logs] == ["config_version_unusable"]
    shop.desk.published(shop.desk.saved(2, shop="three"))
    await shop.look(1)
    assert (shop.live[0], shop.follower.standing.unusable) == (3, None)


async def test_fault_s2_a_database_that_is_down_is_waited_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write(shop="one")
    shop.start()

    def down() -> Pointers:
        raise BackendError("OperationalError", permanent=False)

    monkeypatch.setattr(shop.versions, "pointers", down)
    with structlog.testing.capture_logs() as logs:
        await shop.look(3)
    assert shop.follower.standing.database == "OperationalError"
    assert [each["event"] for each in logs] == ["config_database_not_reached"]
    monkeypatch.undo()
    shop.write(shop="two")
    await shop.look(3)
    assert shop.follower.standing.database == ""
    assert shop.live == (2, {"shop": "two"})


async def test_it_looks_again_when_woken_and_survives_what_nobody_thought_of(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    looks: list[asyncio.Event] = [asyncio.Event() for _ in range(3)]
    left = iter(looks)

    async def look() -> None:
        next(left).set()
        raise ZeroDivisionError

    shop.follower.look = look  # type: ignore[method-assign]
    task = asyncio.get_running_loop().create_task(shop.follower.run(every_s=600))
    for event in looks[:2]:
        await event.wait()
        shop.follower.wake()
    await looks[2].wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# ---- four eyes ----------------------------------------------------------------------------------


async def test_a_folder_whose_change_waits_for_somebody_is_named(shop: Shop) -> None:
    shop.write(shop="one")
    shop.start()
    shop.desk = Editor(shop.store, four_eyes=True)
    shop.versions = shop.desk.versions
    shop.start()
    assert shop.begun.folder is FolderState.TAKEN
    shop.write(shop="two")
    await shop.look()
    standing = shop.follower.standing
    assert (standing.folder, standing.draft) == (FolderState.WAITING, 2)
    assert standing.reasons == (
        "what the folder holds is kept as version 2: publish that in the console",
    )
    shop.start()
    assert (shop.begun.version, shop.begun.draft) == (1, 2), "a restart changes nothing of that"
    shop.versions.publish(2, "bob", "read", reader="bob")
    await shop.look(3)
    assert (shop.state, shop.live) == (FolderState.TAKEN, (2, {"shop": "two"}))
