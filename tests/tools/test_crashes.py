"""Killed at a point of a dispatch (`make crashes`: at every one), it is made whole, and once."""

import subprocess
import sys

import pytest

STORIES = [
    ("sqlite", "book"),
    ("postgresql", "book"),
    ("sqlite", "approve"),
    ("postgresql", "approve"),
    ("sqlite", "task"),
]


def survives(url: str, title: str, every: int, first: int) -> None:
    program = [sys.executable, "-m", "tests.tools.crashes", title, url, str(every), str(first)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"{title}: survived at up to ")


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("store_url", "title"), STORIES, indirect=["store_url"])
def test_fault_x8_kill_9_at_points_of_a_dispatch(store_url: str, title: str) -> None:
    survives(store_url, title, 20, 6)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_fault_s13_kill_9_around_a_call_outside_brings_one_key_and_one_effect(
    store_url: str,
) -> None:
    survives(store_url, "http", 11, 4)
