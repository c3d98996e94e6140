"""What the configuration folder holds, whatever lies in it."""

import os
from pathlib import Path

import pytest

from tools.config import MAX_BYTES
from tools.versions.files import MAX_FILES
from tools.versions.folder import look


def put(folder: Path, path: str, text: str | bytes = "x") -> None:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_yaml_files_are_read_and_what_editors_leave_beside_them_is_not(tmp_path: Path) -> None:
    for path in ("shop.yaml", "tools/book.yml", "a/b/c/deep.yaml"):
        put(tmp_path, path, f"text of {path}")
    for path in (
        ".hidden.yaml",
        "#shop.yaml",
        "shop.yaml~",
        "shop.yaml.swp",
        "README.md",
        ".git/config.yaml",
        "..2026_11_20/shop.yaml",
        "a/b/c/d/too_deep.yaml",
    ):
        put(tmp_path, path)
    seen = look(tmp_path)
    assert (seen.there, seen.errors) == (True, ())
    assert seen.files == {
        "shop.yaml": "text of shop.yaml",
        "tools/book.yml": "text of tools/book.yml",
        "a/b/c/deep.yaml": "text of a/b/c/deep.yaml",
    }


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    put(tmp_path, "shop.yaml", b"\xef\xbb\xbfname: x")
    assert look(tmp_path).files == {"shop.yaml": "name: x"}


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    put(tmp_path, "..data/shop.yaml", "mounted")
    (tmp_path / "shop.yaml").symlink_to("..data/shop.yaml")
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    assert look(tmp_path).files == {"shop.yaml": "mounted"}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert not look(tmp_path / "none").there
    put(tmp_path, "file")
    assert not look(tmp_path / "file").there
    assert look(tmp_path).there


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("shop.yaml", b"\xff", "shop.yaml: is not UTF-8 at byte 0"),
        ("shop.yaml", "x" * (MAX_BYTES + 1), "shop.yaml: is over 64 KiB"),
        ("shop.yaml", "ü" * MAX_BYTES, "shop.yaml: is over 64 KiB"),
        ("shop.yaml", "a\0", "shop.yaml: holds a NUL"),
        ("my shop.yaml", "x", "my shop.yaml: has a name that is not understood"),
    ],
)
def test_a_file_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, path: str, text: str | bytes, what: str
) -> None:
    put(tmp_path, path, text)
    put(tmp_path, "fine.yaml", "fine")
    seen = look(tmp_path)
    assert seen.files == {"fine.yaml": "fine"}
    (error,) = seen.errors
    assert str(error).startswith(what)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "shop.yaml")
    (tmp_path / "phone.yaml").mkdir()
    assert [str(error) for error in look(tmp_path).errors] == [
        "shop.yaml: is no file. Put a plain file there, or take it out."
    ]


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "shop.yaml")
    put(tmp_path, "fine.yaml")
    real = Path.open

    def refused(self: Path, mode: str = "r") -> object:
        if self.name == "shop.yaml":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, mode)

    monkeypatch.setattr(Path, "open", refused)
    seen = look(tmp_path)
    assert [error.where for error in seen.errors] == ["shop.yaml"]
    assert "Permission denied" in seen.errors[0].what
    assert list(seen.files) == ["fine.yaml"]

    def denied(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(os, "scandir", denied)
    assert str(look(tmp_path).errors[0]).startswith(f"{tmp_path}: cannot be read (Permission")


def test_a_folder_of_far_too_much_is_refused(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number}.yaml").touch()
    assert "holds more than 500 files" in str(look(tmp_path).errors[0])


def test_two_looks_are_the_same_only_if_nothing_changed(tmp_path: Path) -> None:
    put(tmp_path, "shop.yaml", "one")
    first = look(tmp_path)
    assert first.same(look(tmp_path))
    put(tmp_path, "shop.yaml", "two")
    second = look(tmp_path)
    assert not second.same(first)
    put(tmp_path, "shop.yaml", b"\xff")
    assert not look(tmp_path).same(second)
    assert look(tmp_path).same(look(tmp_path))
