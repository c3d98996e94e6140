"""`phone.yaml`: read, refused with its place, written as an example."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.line import DEFAULT_LINE, Line, Transfer, Voicemail, parse_line
from telephony.linefile import load_line, write_default_line
from tools.config import ConfigError

SMALL = """\
transfers:
  a colleague: {number: "+442079460000", say: "I'll get a colleague.", timeout_s: 15}
  bookings:
    number: "+442079460001"
human: a colleague
voicemail: {enabled: false}
"""


def test_targets_are_read_by_name() -> None:
    line = parse_line(SMALL, "phone.yaml")
    assert line.transfers == {
        "a colleague": Transfer("+442079460000", "I'll get a colleague.", 15),
        "bookings": Transfer("+442079460001", "One moment, I'll put you through.", 20),
    }
    assert line.human == "a colleague"
    assert not line.voicemail.enabled


def test_the_example_in_the_comment_of_the_file_is_good() -> None:
    lines = [line[4:] for line in DEFAULT_LINE.splitlines() if line.startswith("#   ")]
    line = parse_line("\n".join(lines), "phone.yaml")
    assert line.transfers["a colleague"].number == "+442079460000"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            '"+442079460001"',
            "+442079460001",
            "phone.yaml:4:13: transfers.bookings.number: must be text, not a number",
        ),
        (
            "+442079460001",
            "020 7946 0001",
            "phone.yaml:4:13: transfers.bookings.number: '020 7946 0001' is not a telephone number",
        ),
        (
            "+442079460001",
            "+442079460001\\n",
            "phone.yaml:4:13: transfers.bookings.number: '+442079460001\\n' is not a telephone",
        ),
        (
            "timeout_s: 15",
            "timeout_s: 4",
            "phone.yaml:2:83: transfers.a colleague.timeout_s: is too small. Give 5 or more.",
        ),
        (
            "bookings:",
            "Bookings!:",
            "phone.yaml:4:5: transfers.Bookings!: a target cannot be called 'Bookings!'",
        ),
        (
            "bookings:",
            f"{'b' * 41}:",
            f"phone.yaml:4:5: transfers.{'b' * 41}: a target cannot be called",
        ),
        (
            "    number:",
            "    telephone:",
            "phone.yaml:4:5: transfers.bookings.number: is missing. Give it.",
        ),
        (
            "human: a colleague",
            "human: anybody",
            "phone.yaml:5:8: human: 'anybody' is not a target. "
            "Name one under transfers (a colleague, bookings).",
        ),
        (
            "enabled: false",
            "enabled: sometimes",
            "phone.yaml:6:22: voicemail.enabled: must be true or false, not text",
        ),
        (
            "enabled: false",
            "max_seconds: 5",
            "phone.yaml:6:26: voicemail.max_seconds: is too small. Give 10 or more.",
        ),
        ("human: a colleague", "humans: a colleague", "phone.yaml:5:9: humans: is not known."),
    ],
)
def test_every_mistake_is_told_with_its_place_and_its_cure(
    before: str, after: str, message: str
) -> None:
    assert before in SMALL
    with pytest.raises(ConfigError) as caught:
        parse_line(SMALL.replace(before, after, 1), "phone.yaml")
    assert str(caught.value).startswith(message)


def test_without_a_file_nobody_is_put_through_and_voicemail_is_on(tmp_path: Path) -> None:
    assert load_line(tmp_path) == load_line(None) == Line({}, "", Voicemail())
    assert Line().voicemail.enabled


def test_the_example_is_written_once_and_reads_back(tmp_path: Path) -> None:
    path = write_default_line(tmp_path / "new")
    assert load_line(tmp_path / "new") == Line()
    path.write_text(SMALL, encoding="utf-8")
    write_default_line(tmp_path / "new")
    assert load_line(tmp_path / "new").human == "a colleague"


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"human: \xff\n", "is not UTF-8 at byte 7"), (b"x" * 70_000, "is over 64 KiB")],
)
def test_a_file_that_is_no_text_is_refused_by_name(
    tmp_path: Path, content: bytes, what: str
) -> None:
    path = tmp_path / "phone.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_line(tmp_path)
    assert caught.value.where.startswith(str(path))
    assert caught.value.what == what


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "phone.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_line(tmp_path)


def line_or_error(text: str) -> Line | ConfigError:
    try:
        return parse_line(text, "phone.yaml")
    except ConfigError as error:
        return error


@given(st.integers(0, len(SMALL)), st.integers(0, 30), st.text(max_size=12))
def test_any_edit_of_the_file_is_a_line_or_an_error_with_a_place(
    at: int, cut: int, put: str
) -> None:
    found = line_or_error(SMALL[:at] + put + SMALL[at + cut :])
    if isinstance(found, Line):
        assert not found.human or found.human in found.transfers
    else:
        assert found.where.startswith("phone.yaml")
