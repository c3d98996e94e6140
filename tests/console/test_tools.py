"""The pages of tools and personas: who may do what, and what becomes of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telephony.configuring.starters import starter
from telephony.console.access.roles import Role
from tests.console.hostile import CORPUS, assert_inert
from tests.console.house import Console, Visitor, copied
from tests.console.salon import BOOK, SALON, draft, salon
from tools.rollout.rollouts import Rollouts
from tools.rollout.spec import Arm, Rollout, Rule, Seen
from tools.versions.spec import Conflict


@pytest.fixture
def console(tmp_path: Path, console_database: Path) -> Iterator[Console]:
    console = salon(tmp_path, console_database)
    yield console
    console.close()


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory, console_database: Path) -> Iterator[Console]:
    """For stories that change nothing."""
    console = salon(tmp_path_factory.mktemp("still"), console_database)
    yield console
    console.close()


def audited(console: Console) -> list[tuple[str, str, str]]:
    """Oldest first, of what is done to the configuration."""
    found = console.access.audit.entries(50)
    return [
        (each.who, each.action, each.object)
        for each in reversed(found)
        if each.action.startswith(("config.", "rollout."))
    ]


def shown(visitor: Visitor, path: str) -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text
    assert_inert(answer.text)
    return str(answer.text)


# ---- looking ------------------------------------------------------------------------------------


def test_the_list_tells_state_and_use_and_only_editors_can_change_it(still: Console) -> None:
    text = shown(still.client(Role.VIEWER), "/console/tools")
    assert len(re.findall('class="badge good">published', text)) == len(SALON)
    assert "Take out" not in text
    assert "Take out" in shown(still.client(Role.EDITOR), "/console/tools")
    found = shown(still.client(Role.VIEWER), "/console/tools?q=cancel")
    assert ("cancel_appointment" in found, "list_services" in found) == (True, False)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/console/tools/new", {"kind": "tool", "name": "x"}),
        ("/console/tools/begin", {"path": "numbers.yaml"}),
        ("/console/tools/remove", {"path": BOOK}),
        ("/console/tools/versions/1/publish", {}),
        ("/console/tools/rollback", {}),
        ("/console/tools/conflict/1", {}),
        ("/console/tools/rollouts", {"version": "1"}),
        ("/console/tools/rollouts/1/change", {"percent": "1"}),
        ("/console/tools/rollouts/1/end", {"act": "stop"}),
    ],
)
def test_fault_c1_who_may_only_look_changes_nothing(
    still: Console, path: str, form: dict[str, str]
) -> None:
    for role in (Role.VIEWER, Role.APPROVER):
        assert still.client(role).form(path, form).status_code == 403
    answer = still.client(Role.EDITOR).post(
        path, data=form, headers={"Origin": "http://testserver"}
    )
    assert answer.status_code == 403, "without the token of the session"
    assert still.backend.versions.pointers().head == 1


@pytest.mark.parametrize(
    "path", ["edit/tools/none.yaml", "edit/shop/x.yaml", "versions/99", "conflict/1", "rollouts/9"]
)
def test_what_is_not_there_is_said_so(still: Console, path: str) -> None:
    assert still.client(Role.EDITOR).get(f"/console/tools/{path}").status_code == 404


def test_empty_places_say_what_will_be_there(tmp_path: Path, console_database: Path) -> None:
    empty = Console(tmp_path)
    visitor = empty.client(Role.EDITOR)
    assert "every built-in tool as it is" in shown(visitor, "/console/tools")
    assert "No version yet" in shown(visitor, "/console/tools/history")
    assert "Nothing was rolled out gradually yet" in shown(visitor, "/console/tools/rollouts")
    empty.close()


# ---- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "has"),
    [
        ("", "handler: calls.end_call"),
        (BOOK, "handler: booking.book_appointment"),
        ("dental:tools/emergency.yaml", "emergency appointment"),
        ("nowhere:else", "handler: calls.end_call"),
    ],
)
def test_a_tool_is_added_from_nothing_from_a_copy_or_from_a_starter(
    console: Console, source: str, has: str
) -> None:
    visitor = console.client(Role.EDITOR)
    form = {"kind": "tool", "name": "another", "source": source}
    answer = visitor.form("/console/tools/new", form)
    assert answer.headers["location"] == "/console/tools/edit/tools/another.yaml"
    assert has in console.backend.versions.files(2)["tools/another.yaml"]
    assert has in shown(visitor, answer.headers["location"])
    again = visitor.form("/console/tools/new", form)
    assert again.headers["location"] == "/console/tools"
    assert console.backend.versions.pointers().head == 2
    assert audited(console) == [("editor", "config.save", "tools/another.yaml")]


def test_a_persona_begins_with_a_greeting_and_nonsense_is_refused(console: Console) -> None:
    visitor = console.client(Role.EDITOR)
    visitor.form("/console/tools/new", {"kind": "persona", "name": "night"})
    assert "{business}" in console.backend.versions.files(2)["personas/night.yaml"]
    assert visitor.form("/console/tools/new", {"kind": "shop", "name": "x"}).status_code == 422
    for name in ("../x", "B\u00fcch Tisch", "", "x" * 65):
        bad = visitor.form("/console/tools/new", {"kind": "tool", "name": name})
        assert bad.headers["location"] == "/console/tools"
        assert "A name has small letters" in shown(visitor, "/console/tools")
    assert console.backend.versions.pointers().head == 2


def test_a_starter_s_persona_brings_the_texts_it_uses(console: Console) -> None:
    visitor, versions = console.client(Role.EDITOR), console.backend.versions
    form = {"kind": "persona", "name": "night", "source": "dental:personas/receptionist.yaml"}
    visitor.form("/console/tools/new", form)
    assert versions.files(2)["snippets.yaml"] == SALON["snippets.yaml"], "what is there stays"
    draft(console, "snippets.yaml", None)
    visitor.form("/console/tools/new", {**form, "name": "day"})
    assert versions.files(4)["snippets.yaml"] == starter("dental")["snippets.yaml"]


def test_the_files_there_is_one_of_are_begun_filled_in_and_taken_out(console: Console) -> None:
    visitor, versions = console.client(Role.EDITOR), console.backend.versions
    assert "What can be booked" not in shown(visitor, "/console/tools/edit/numbers.yaml")
    assert 'data-kind="numbers"' in shown(visitor, "/console/tools/edit/numbers.yaml")
    visitor.form("/console/tools/remove", {"path": "numbers.yaml"})
    assert "taken out" in shown(visitor, "/console/tools")
    assert visitor.get("/console/tools/edit/numbers.yaml").status_code == 404
    begun = visitor.form("/console/tools/begin", {"path": "numbers.yaml"})
    assert begun.headers["location"] == "/console/tools/edit/numbers.yaml"
    assert "numbers: {}" in versions.files(3)["numbers.yaml"]
    visitor.form("/console/tools/begin", {"path": "numbers.yaml"})
    assert versions.pointers().head == 3, "what is there is not begun again"
    own = "# ours\n" + versions.files(3)["numbers.yaml"]
    versions.publish(draft(console, "numbers.yaml", own), "ann", "")
    visitor.form("/console/tools/remove", {"path": "numbers.yaml"})
    visitor.form("/console/tools/begin", {"path": "numbers.yaml"})
    assert versions.files(versions.pointers().head)["numbers.yaml"] == own, "as calls go by it"
    for path in ("elsewhere.yaml", "tools/x.yaml", "../shop.yaml"):
        assert visitor.form("/console/tools/begin", {"path": path}).status_code == 404
    draft(console, "shop.yaml", "name: [")
    assert "1 to mend" in shown(visitor, "/console/tools")
    assert visitor.get("/console/tools/edit/elsewhere.yaml").status_code == 404


def test_what_the_agent_can_do_less_is_said_before_it_is_published(
    tmp_path: Path, console_database: Path
) -> None:
    console = Console(copied(console_database, tmp_path))
    visitor = console.client(Role.EDITOR)
    form = {"kind": "tool", "name": "book_appointment", "source": f"salon:{BOOK}"}
    visitor.form("/console/tools/new", form)
    text = shown(visitor, "/console/tools/versions/1")
    assert "The agent can do less then:" in text
    assert "end_call" in text
    assert "exactly those that have a file" in text
    console.backend.versions.publish(1, "ann", "")
    form = {"kind": "tool", "name": "end_call", "source": "salon:tools/end_call.yaml"}
    visitor.form("/console/tools/new", form)
    text = shown(visitor, "/console/tools/versions/2")
    assert "The agent can do more then: end_call." in text
    assert "can do less" not in text
    console.close()


def test_what_calls_go_by_is_compared_with_what_they_went_by_before(console: Console) -> None:
    visitor, versions = console.client(Role.VIEWER), console.backend.versions
    assert "What is in it" in shown(visitor, "/console/tools/versions/1"), "the first of all"
    draft(console, BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 9"))
    versions.publish(2, "ann", "")
    text = shown(visitor, "/console/tools/versions/2")
    assert "What is different from version 1, which was published before" in text
    assert "per_call: 9" in text
    older = shown(visitor, "/console/tools/versions/1")
    assert "What is different from version 2, which calls go by" in older


def test_a_file_is_taken_out_of_the_draft_only(console: Console) -> None:
    visitor = console.client(Role.EDITOR)
    visitor.form("/console/tools/remove", {"path": BOOK})
    assert BOOK not in console.backend.versions.files(2)
    assert BOOK in console.backend.versions.files(console.backend.versions.pointers().published)
    assert "taken out" in shown(visitor, "/console/tools")


def hostile(text: str) -> str:
    words = " ".join(text.replace("\0", "").replace("\x1b", "").split())
    parts = [f"# {words}", "handler: calls.end_call", "name: |-", f"  {words}", "filler: |-"]
    return "\n".join([*parts, f"  {words}", ""])


def test_fault_c3_whatever_stands_in_names_and_comments_is_text(console: Console) -> None:
    visitor, versions = console.client(Role.EDITOR), console.backend.versions
    files = {f"tools/x{number}.yaml": hostile(text) for number, text in enumerate(CORPUS)}
    words = CORPUS[0]
    versions.save(1, files, words, CORPUS[1])
    anns = {path: f"{text}# {CORPUS[2]}\n" for path, text in files.items()}
    versions.save(2, anns, words, CORPUS[3])
    bobs = {path: f"# other\n{text}# {CORPUS[4]}\n" for path, text in files.items()}
    clash = versions.save(2, bobs, words, CORPUS[5])
    assert isinstance(clash, Conflict)
    for path in files:
        answer = visitor.get(f"/console/tools/edit/{path}")
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert_inert(answer.text)
        assert "handler: calls.end_call" in answer.text
    for path in ("", "/history", "/versions/3", f"/conflict/{clash.draft}"):
        shown(visitor, f"/console/tools{path}")


# ---- going live, going back ---------------------------------------------------------------------


def test_a_draft_is_looked_at_published_and_taken_back(console: Console) -> None:
    visitor, versions = console.client(Role.EDITOR), console.backend.versions
    second = draft(console, BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    page = shown(visitor, f"/console/tools/versions/{second}")
    assert "per_call: 6" in page
    assert '<tr class="changed">' in page
    form = {"why": "more", "over": "1"}
    answer = visitor.form(f"/console/tools/versions/{second}/publish", form)
    assert (answer.status_code, versions.pointers().published) == (303, second)
    history = shown(visitor, "/console/tools/history")
    assert "Roll back to version 1" in history
    visitor.form("/console/tools/rollback", {"why": "too many", "over": str(second)})
    assert versions.pointers().published == 1
    assert [each.why for each in versions.events(2)] == ["too many", "more"]
    assert audited(console) == [
        ("editor", "config.published", "version 2"),
        ("editor", "config.rolled_back", "version 1"),
    ]
    nothing = visitor.form("/console/tools/rollback", {})
    assert nothing.headers["location"] == "/console/tools/history"


def test_what_others_published_meanwhile_is_not_undone_unseen(console: Console) -> None:
    visitor, versions = console.client(Role.EDITOR), console.backend.versions
    second = draft(console, BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    third = draft(console, "snippets.yaml", SALON["snippets.yaml"] + "# more\n")
    versions.publish(third, "bob", "quicker")
    late = visitor.form(f"/console/tools/versions/{second}/publish", {"over": "1"})
    assert (late.status_code, "It would undo changes of others" in late.text) == (200, True)
    stale = visitor.form("/console/tools/rollback", {"over": "1"})
    assert stale.status_code == 303
    assert versions.pointers().published == third


def test_a_broken_version_says_what_is_to_be_mended_and_stays_a_draft(console: Console) -> None:
    visitor = console.client(Role.EDITOR)
    broken = draft(console, BOOK, SALON[BOOK].replace("booking.book_", "booking.bok_"))
    page = shown(visitor, f"/console/tools/versions/{broken}")
    assert f"{BOOK}:2:10" in page
    assert "disabled>Publish" in page
    answer = visitor.form(f"/console/tools/versions/{broken}/publish", {})
    assert "These files cannot be published" in answer.text
    assert console.backend.versions.pointers().published == 1
    assert "cannot be published yet" in shown(visitor, "/console/tools")


# ---- two editors --------------------------------------------------------------------------------


def clash(console: Console) -> Conflict:
    versions = console.backend.versions
    draft(console, BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"), "ann's")
    yours = SALON[BOOK].replace("per_call: 5", "per_call: 7").replace("What day", "Which day")
    found = versions.save(1, {BOOK: yours}, "bob", "bob's")
    assert isinstance(found, Conflict)
    return found


@pytest.mark.parametrize(
    ("side", "lines"),
    [
        ("theirs", ["  per_call: 6"]),
        ("yours", ["  per_call: 7"]),
        ("both", ["  per_call: 6", "  per_call: 7"]),
    ],
)
def test_fault_c4_a_conflict_is_settled_part_by_part(
    console: Console, side: str, lines: list[str]
) -> None:
    visitor, found = console.client(Role.EDITOR), clash(console)
    path = f"/console/tools/conflict/{found.draft}"
    page = shown(visitor, path)
    assert "Only you have changed this" in page
    (field,) = set(re.findall(r'type="radio" name="(0-\d+)"', page))
    undecided = visitor.form(path, {"head": "2"})
    assert (undecided.status_code, "Choose a side" in undecided.text) == (422, True)
    answer = visitor.form(path, {"head": "2", field: side, "why": "agreed"})
    assert answer.status_code == 303, answer.text
    merged = console.backend.versions.files(console.backend.versions.pointers().head)[BOOK]
    assert [line for line in merged.splitlines() if "per_call" in line] == lines
    assert "Which day would suit you?" in merged
    late = visitor.form(path, {"head": "2", field: side})
    assert (late.status_code, "Others have saved again" in late.text) == (409, True)
    assert console.backend.versions.files(found.draft)[BOOK].count("per_call: 7") == 1


# ---- roll-outs ----------------------------------------------------------------------------------


def test_a_roll_out_is_begun_widened_and_given_to_everybody(console: Console) -> None:
    visitor, versions = console.client(Role.EDITOR), console.backend.versions
    second = draft(console, BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    form = {"version": str(second), "percent": "10", "numbers": "+44 20 7946", "why": "to see"}
    bad = visitor.form("/console/tools/rollouts", form)
    assert (bad.status_code, "&#39;7946&#39; is no number" in bad.text) == (422, True)
    form["numbers"] = "+442079460001, +15550001111"
    began = visitor.form("/console/tools/rollouts", form)
    assert began.headers["location"] == "/console/tools/rollouts/1"
    page = shown(visitor, "/console/tools/rollouts/1")
    assert "10 % of callers, and calls to or from +442079460001, +15550001111" in page
    assert "being rolled out to 10 %" in shown(visitor, "/console/tools")
    assert "one at a time" in shown(visitor, f"/console/tools/versions/{second}")
    visitor.form("/console/tools/rollouts/1/change", {"percent": "50"})
    assert "50 % of callers." in shown(visitor, "/console/tools/rollouts/1")
    ended = visitor.form("/console/tools/rollouts/1/end", {"act": "publish", "why": "good"})
    assert (ended.status_code, versions.pointers().published) == (303, second)
    over = visitor.form("/console/tools/rollouts/1/end", {"act": "stop"})
    assert "over" in over.headers["set-cookie"]
    assert [each[1] for each in audited(console)] == [
        "rollout.start",
        "rollout.change",
        "rollout.publish",
    ]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("numbers", " ".join(f"+4420794{number:05}" for number in range(201)), "at most 200"),
        ("numbers", "+" + "4" * 50, "at most 40"),
        ("percent", "101", "less than or equal to 100"),
        ("percent", "many", "a valid number"),
        ("least_calls", "4", "Calls before it is judged"),
        ("why", "w" * 501, "at most 500"),
    ],
)
def test_what_cannot_be_rolled_out_is_said_and_what_was_typed_stays(
    console: Console, field: str, value: str, said: str
) -> None:
    visitor = console.client(Role.EDITOR)
    second = draft(console, BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    typed = {"percent": "15", "numbers": "+442079460001", "least_calls": "45", "why": "to see"}
    typed[field] = value
    answer = visitor.form("/console/tools/rollouts", {"version": str(second), **typed})
    assert (answer.status_code, said in answer.text) == (422, True)
    for each in typed.values():
        assert f'value="{each}"' in answer.text
    assert audited(console) == []


def test_numbers_are_parted_as_people_part_them(console: Console) -> None:
    visitor = console.client(Role.EDITOR)
    second = draft(console, BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    numbers = "+442079460001;+442079460002, +442079460003\n"
    visitor.form("/console/tools/rollouts", {"version": str(second), "numbers": numbers})
    assert console.parts.workshop.rollouts.running().numbers == (  # type: ignore[union-attr]
        "+442079460001",
        "+442079460002",
        "+442079460003",
    )
    change = "/console/tools/rollouts/1/change"
    for percent, numbers in (("101", "+442079460001"), ("50", "+44")):
        answer = visitor.form(change, {"percent": percent, "numbers": numbers})
        assert answer.status_code == 422
        for each in (percent, numbers):
            assert f'value="{each}"' in answer.text
    assert [each[1] for each in audited(console)] == ["rollout.start"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("versions/1/publish", {"over": "0"}),
        ("versions/1/publish", {"over": "9" * 20}),
        ("rollback", {"over": "0"}),
        ("rollback", {"over": "9" * 20}),
        ("rollouts", {"version": 2**31}),
    ],
)
def test_versions_there_cannot_be_are_refused(
    console: Console, path: str, fields: dict[str, Any]
) -> None:
    answer = console.client(Role.EDITOR).form(f"/console/tools/{path}", fields)
    assert answer.status_code == 422
    compared = console.client(Role.VIEWER).get(f"/console/tools/versions/1?against={'9' * 20}")
    assert compared.status_code == 422


def test_what_the_guard_decided_is_shown_with_its_figures(console: Console) -> None:
    rollouts: Rollouts = console.parts.workshop.rollouts
    second = draft(console, BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    begun = rollouts.start(second, 20, (), Rule(least_calls=10), "ann", "")
    assert isinstance(begun, Rollout)
    calls: dict[str, Any] = {f"o{at}": (Arm.OLD, Seen()) for at in range(40)}
    calls |= {f"n{at}": (Arm.NEW, Seen(owed_silence=True)) for at in range(10)}
    rollouts.keep(begun.id, calls)
    page = shown(console.client(Role.VIEWER), f"/console/tools/rollouts/{begun.id}")
    assert "rolled back" in page
    assert "Worse: owed silence in 100.0% of calls, against 0.0%" in page
    assert "owed silence: 0.0 % against 100.0 %" in page
    assert 'action="/console/tools/rollouts/1/end"' not in page
    assert "rolled back" in shown(console.client(Role.VIEWER), "/console/tools/rollouts")


@pytest.mark.parametrize(("role", "seen"), [(Role.VIEWER, "…01"), (Role.EDITOR, "+442079460001")])
def test_who_may_not_hear_calls_sees_no_numbers_in_a_roll_out(
    console: Console, role: Role, seen: str
) -> None:
    begun = {"version": draft(console, BOOK, SALON[BOOK] + "# x\n"), "numbers": "+442079460001"}
    answer = console.client(Role.EDITOR).form("/console/tools/rollouts", begun)
    assert answer.status_code == 303
    reader = console.client(role)
    listed = reader.get("/api/v1/rollouts").json()["rollouts"]
    one = reader.get(f"/api/v1/rollouts/{listed[0]['id']}").json()["rollout"]
    assert listed[0]["numbers"] == one["numbers"] == [seen]
    text = shown(reader, f"/console/tools/rollouts/{listed[0]['id']}")
    assert seen in text
    assert ("+442079460001" in text) is (role is Role.EDITOR)
