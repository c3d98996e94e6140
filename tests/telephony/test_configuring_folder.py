"""What is read of the configuration folder."""

from pathlib import Path

import pytest

from telephony.configuring.configuration import MAX_FILES
from telephony.configuring.folder import read_folder
from tools.config import MAX_BYTES, ConfigError


def write(folder: Path, path: str, content: bytes = b"a: 1") -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)


def test_what_may_be_meant_is_read(tmp_path: Path) -> None:
    for path in (
        "shop.yaml", "shops.yml", "notes.txt", ".hidden.yaml", "#shop.yaml", "tools/a.yaml",
        "tools/b.yml", "tools/.a.yaml.swp", "tools/deep/c.yaml", "personas/d.yaml", "other/e.yaml",
    ):  # fmt: skip
        write(tmp_path, path)
    write(tmp_path, "phone.yaml", b"\xef\xbb\xbfx: \xc3\xa9")
    found = read_folder(tmp_path)
    assert list(found) == [
        "shop.yaml", "phone.yaml", "shops.yml", "tools/a.yaml", "tools/b.yml", "personas/d.yaml",
    ]  # fmt: skip
    assert found["phone.yaml"] == "x: \u00e9"


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "none") == {}
    assert read_folder(None) == {}
    write(tmp_path, "file")
    assert read_folder(tmp_path / "file") == {}


def test_everything_unreadable_is_told(tmp_path: Path) -> None:
    write(tmp_path, "tools/a.yaml", b"a: \xff")
    write(tmp_path, "tools/b.yaml")
    (tmp_path / "tools" / "c.yaml").mkdir()
    with pytest.raises(ConfigError) as caught:
        read_folder(tmp_path)
    assert [str(each).removeprefix(str(tmp_path)) for each in caught.value.problems] == [
        "/tools/a.yaml: is not UTF-8 at byte 3. Save it as UTF-8.",
        "/tools/c.yaml: cannot be read (Is a directory). Let the user that runs Frontdesk read it"
        " and enter the folders above it.",
    ]


def test_fault_x12_of_huge_files_and_folders_only_so_much_is_read(tmp_path: Path) -> None:
    write(tmp_path, "shop.yaml", b"\xc3\xa9" * MAX_BYTES)
    for number in range(MAX_FILES + 5):
        write(tmp_path, f"tools/t{number:03}.yaml")
    found = read_folder(tmp_path)
    assert MAX_BYTES // 2 <= len(found["shop.yaml"]) <= MAX_BYTES + 1
    assert len(found) == MAX_FILES + 1
