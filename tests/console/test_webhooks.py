"""Webhooks over HTTP and on their page: for admins only, written down, secrets shown once."""

import datetime as dt
import json
from typing import Any

import pytest

from telephony.console.access.roles import Role
from tests.console.hostile import CORPUS, assert_inert
from tests.console.house import Console
from tools.hooks.outbox import Outbox
from tools.hooks.spec import Event, EventType, event_id

API = "/api/v1/webhooks"
PAGE = "/console/settings/webhooks"
HOOK = "https://hook.example/x"
LEASE = dt.timedelta(seconds=60)


def act(console: Console, method: str, path: str = "", body: Any = None, status: int = 200) -> Any:
    answer = console.stranger().request(
        method, f"{API}{path}", json=body, headers=dict(console.key(Role.ADMIN))
    )
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def told(console: Console, call_id: str = "CA1") -> None:
    now = console.parts.clock()
    event = Event(event_id(call_id), EventType.CALL_ENDED, now, call_id, {"call_id": call_id})
    Outbox(console.store).put([event], now)


def kill(console: Console) -> None:
    """What waits will never be taken."""
    outbox, now = Outbox(console.store), console.parts.clock()
    while (sending := outbox.claim(now, LEASE)) is not None:
        outbox.dead(sending, 500, "status_500", now)


def actions(console: Console) -> list[str]:
    return [each.action for each in reversed(console.access.audit.entries(50))]


# ---- the API ------------------------------------------------------------------------------------


def test_a_receiver_is_added_changed_and_removed(console: Console) -> None:
    made = act(console, "POST", "", {"url": HOOK, "events": ["alarm", "alarm"]}, 201)
    assert made["secret"].startswith("whsec_")
    endpoint = made["endpoint"]
    assert (endpoint["url"], endpoint["events"], endpoint["numbers"]) == (HOOK, ["alarm"], False)
    changed = act(
        console, "PATCH", "/1", {"events": [], "numbers": True, "words": True, "enabled": False}
    )
    assert (changed["events"], changed["numbers"], changed["enabled"]) == ([], True, False)
    assert (endpoint["words"], changed["words"]) == (False, True)
    assert act(console, "PATCH", "/1", {}) == changed == act(console, "GET", "/1")
    assert act(console, "GET")["endpoints"] == [changed]
    secret = act(console, "POST", "/1/secret")["secret"]
    assert secret != made["secret"]
    act(console, "DELETE", "/1", status=204)
    assert act(console, "GET", "/1", status=404)["type"].endswith("not-found")
    seen = [action for action in actions(console) if action.startswith("webhook")]
    assert seen == ["webhook.add", "webhook.change", "webhook.secret", "webhook.remove"]
    assert secret not in repr(console.access.audit.entries(50))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"url": "http://hook.example/"}, 409),
        ({"url": "https://10.0.0.1/"}, 409),
        ({"url": "https://169.254.169.254/"}, 409),
        ({"url": HOOK, "events": ["call.exploded"]}, 422),
        ({"url": HOOK, "secret": "mine"}, 422),
        ({}, 422),
    ],
)
def test_what_cannot_be_told_is_refused(console: Console, body: Any, status: int) -> None:
    act(console, "POST", "", body, status)
    assert act(console, "GET")["endpoints"] == []


def test_deliveries_are_listed_paged_and_told_again(console: Console) -> None:
    act(console, "POST", "", {"url": HOOK}, 201)
    for number in range(3):
        told(console, f"CA{number}")
    first = act(console, "GET", "/deliveries?limit=2")
    assert [each["call_id"] for each in first["deliveries"]] == ["CA2", "CA1"]
    rest = act(console, "GET", f"/deliveries?limit=2&before={first['next']}")
    assert ([each["call_id"] for each in rest["deliveries"]], rest["next"]) == (["CA0"], None)
    kill(console)
    act(console, "POST", f"/deliveries/{first['next']}/replay", status=204)
    states = [each["state"] for each in act(console, "GET", "/deliveries")["deliveries"]]
    assert states == ["dead", "pending", "dead"]
    assert len(act(console, "GET", "/deliveries?state=dead&endpoint=1")["deliveries"]) == 2
    assert act(console, "POST", "/1/replay") == {"count": 2}
    act(console, "POST", "/deliveries/99/replay", status=404)
    act(console, "POST", "/9/replay", status=404)


def test_a_test_says_that_it_is_one(console: Console) -> None:
    act(console, "POST", "", {"url": HOOK, "events": ["alarm"]}, 201)
    sent = act(console, "POST", "/1/test")["event"]
    sending = Outbox(console.store).claim(console.parts.clock(), LEASE)
    assert sending is not None
    body = json.loads(sending.body)
    assert (body["type"], body["id"]) == ("test", sent)
    act(console, "POST", "/9/test", status=404)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.APPROVER])
def test_only_admins_see_who_is_told(console: Console, role: Role) -> None:
    headers = dict(console.key(role))
    for method, path in (("GET", API), ("POST", API), ("GET", f"{API}/deliveries")):
        assert console.stranger().request(method, path, headers=headers).status_code == 403
    assert console.client(role).get(PAGE).status_code == 403


# ---- the page -----------------------------------------------------------------------------------


def test_the_page_from_nothing_to_a_receiver_told_again(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    assert "Nobody is told yet" in admin.get(PAGE).text
    wrong = admin.form(PAGE, {"url": "http://10.0.0.1/"})
    assert wrong.status_code == 409
    assert "Use https" in wrong.text
    assert 'value="http://10.0.0.1/"' in wrong.text
    made = admin.form(
        PAGE,
        {
            "url": HOOK,
            "events": ["call.ended", "alarm"],
            "numbers": "true",
            "words": "true",
        },
    )
    secret = made.text.split('class="secret">')[1].split("<")[0]
    assert secret.startswith("whsec_")
    assert secret not in admin.get(PAGE).text
    assert "call.ended, alarm" in made.text
    assert "with numbers" in made.text
    assert "with words" in made.text
    told(console)
    kill(console)
    assert "1 never taken" in admin.get(PAGE).text
    for path, field in (
        ("/1/replay", {}),
        ("/deliveries/1/replay", {}),
        ("/1/test", {}),
        ("/1/enabled", {"on": "false"}),
    ):
        assert admin.form(PAGE + path, field).status_code == 303
    assert "Switch on" in admin.get(PAGE).text
    assert "whsec_" in admin.form(f"{PAGE}/1/secret").text
    assert admin.form(f"{PAGE}/1/remove").status_code == 303
    assert "Nobody is told yet" in admin.get(PAGE).text
    for path in ("/1/secret", "/1/test", "/1/remove", "/deliveries/1/replay"):
        assert admin.form(PAGE + path).status_code == 303


def test_what_was_filled_in_is_still_there_when_it_is_refused(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    form = {
        "url": "http://hook.example/x",
        "description": "the diary",
        "events": "call.ended",
        "words": "true",
    }
    refused = admin.form(PAGE, form)
    assert refused.status_code == 409
    for kept in (
        'value="http://hook.example/x"',
        'value="the diary"',
        'value="call.ended" checked',
        'name="words" value="true" checked',
    ):
        assert kept in refused.text, "an event less would be all events at the next try"
    assert 'name="numbers" value="true">' in refused.text
    assert 'value="alarm" checked' not in refused.text


def test_what_is_named_stays_text(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    for number, hostile in enumerate(CORPUS):
        act(console, "POST", "", {"url": f"{HOOK}/{number}", "description": hostile[:200]}, 201)
        told(console, hostile)
    page = admin.get(PAGE)
    assert page.status_code == 200
    assert_inert(page.text)
    assert_inert(admin.form(PAGE, {"url": CORPUS[0]}).text)


def test_old_deliveries_are_a_page_on(console: Console) -> None:
    act(console, "POST", "", {"url": HOOK}, 201)
    now = console.parts.clock()
    many = [
        Event(event_id(number), EventType.ALARM, now, f"CA{number}", {}) for number in range(51)
    ]
    Outbox(console.store).put(many, now)
    admin = console.client(Role.ADMIN)
    first = admin.get(PAGE).text
    assert f"{PAGE}?before=2" in first
    assert f'href="{PAGE}"' in admin.get(f"{PAGE}?before=2").text
