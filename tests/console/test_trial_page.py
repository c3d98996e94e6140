"""The phone in the page, in a real browser with a WAV for a microphone, before a whole service."""

import asyncio
import base64
import datetime as dt
import json
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from agents.local.numbers import spoken_number
from telephony.cli.errand import free_errand
from telephony.console.access.roles import Role
from telephony.frontoffice import open_access
from telephony.simulator.scenario import Goal
from telephony.transcripts.entry import AgentLine, CallerLine, EndedReason, Fate, TruncationLine
from tests.callers import Pcm, resampled, says
from tests.console.browsing import assert_accessible, running_browser, signed_in, watched
from tests.fakes.realtime_script import Reply, Script, hum
from tests.telephony.test_whole_call import House, house
from tools.booking.bookings import Bookings
from tools.booking.shop import default_shop

pytestmark = pytest.mark.timeout(120)
RATE = 48_000


def microphone(path: Path, *pieces: tuple[float, Pcm]) -> Path:
    """A WAV in which each piece (at RATE) begins at its second; silence between and after."""
    ends = max((round(at_s * RATE) + len(piece) for at_s, piece in pieces), default=0)
    track = np.zeros(ends + RATE, dtype=np.int16)
    for at_s, piece in pieces:
        track[round(at_s * RATE) :][: len(piece)] = piece
    with wave.open(str(path), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(track.tobytes())
    return path


class Door:
    """As much of the console's house as signing in takes."""

    def __init__(self, built: House) -> None:
        service = built.service
        self.access = open_access(service.settings, service.store)

    def user(self, name: str, role: Role) -> str:
        return self.access.users.add(name, role).id


class Running:
    """A service in a thread of its own."""

    def __init__(self, tmp_path: Path, script: Script | None, env: dict[str, str]) -> None:
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(tmp_path, script, env), daemon=True)
        self._thread.start()
        self._ready.wait(60)
        if self._error is not None:
            raise self._error

    def _run(self, *arguments: Any) -> None:
        try:
            asyncio.run(self._serve(*arguments))
        except BaseException as error:  # told where it is waited for
            self._error = error
            self._ready.set()

    async def _serve(self, tmp_path: Path, script: Script | None, env: dict[str, str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        async with house(tmp_path, script, None, **env) as built:
            self.built = built
            self._ready.set()
            await self._over.wait()

    def does(self, act: Callable[[], Any]) -> Any:
        async def acted() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(acted(), self._loop).result(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
        if self._error is not None:
            raise self._error


@contextmanager
def calling(tmp_path: Path, wav: Path, script: Script | None, **env: str) -> Iterator[Any]:
    """The service and the page, whose microphone is this WAV."""
    running = Running(tmp_path, script, env)
    flags = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}%noloop",
        "--autoplay-policy=no-user-gesture-required",
    )
    try:
        with running_browser(*flags) as browser:
            address = running.built.service.settings.public_url
            context = signed_in(browser, Door(running.built), address)  # type: ignore[arg-type]
            context.grant_permissions(["microphone"])
            page = context.new_page()
            page.goto("/console/trial")
            yield running, page
            context.close()
    finally:
        running.stop()


def hums(ms: int) -> Pcm:
    return resampled(hum("caller", ms, 8_000), 8_000, RATE)


def dialled(page: Page) -> None:
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.locator("#link")).to_have_text("on the line", timeout=20_000)


class Wire:
    """What went over the page's socket, and when, by the browser's own clock."""

    def __init__(self, page: Page) -> None:
        self.frames: list[tuple[float, bool, dict[str, Any]]] = []
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.webSocketFrameReceived", lambda seen: self._seen(seen, sent=False))
        session.on("Network.webSocketFrameSent", lambda seen: self._seen(seen, sent=True))

    def _seen(self, seen: dict[str, Any], *, sent: bool) -> None:
        frame = json.loads(seen["response"]["payloadData"])
        self.frames.append((seen["timestamp"], sent, frame))

    def early_s(self) -> list[float]:
        """Of each mark that came back before anything was cleared: by how much it came earlier than
        the audio before it can have been played. Playing begins when the first of it has come."""
        played_to_s: dict[str, float] = {}
        plays_until_s = 0.0
        early: list[float] = []
        for at_s, sent, frame in self.frames:
            name = frame.get("mark", {}).get("name")
            match frame["event"]:
                case "media" if not sent:
                    samples = len(base64.b64decode(frame["media"]["payload"]))
                    plays_until_s = max(plays_until_s, at_s) + samples / 8_000
                case "mark" if not sent:
                    played_to_s[name] = plays_until_s
                case "mark":
                    early.append(played_to_s[name] - at_s)
                case "clear":
                    break
        return early


def test_a_call_from_the_page_is_heard_cut_and_answered_like_any_other(tmp_path: Path) -> None:
    wav = microphone(tmp_path / "caller.wav", (2.0, hums(900)))
    script = Script(replies=(Reply("Till six.", 800),), caller=("When do you close?",))
    with calling(tmp_path, wav, script) as (running, page):
        wrong = watched(page)
        assert_accessible(page)
        wire = Wire(page)
        dialled(page)
        expect(page.locator("#said li.caller")).to_contain_text("When do you close?")
        expect(page.locator("#said li.agent").last).to_contain_text("Till six.", timeout=20_000)
        page.get_by_role("button", name="5", exact=True).click()
        expect(page.locator("#said li.caller").last).to_contain_text("pressed 5")
        page.get_by_role("button", name="Hang up").click()
        expect(page.locator("#link")).to_have_text("call ended")
        expect(page.get_by_role("link", name="Read what is kept of it")).to_be_visible()
        expect(page.get_by_role("button", name="Call", exact=True)).to_be_enabled()
        built = running.built
        for _ in range(200):
            if built.reasons:
                break
            page.wait_for_timeout(50)
        greeting, answer = [
            line for line in built.of(AgentLine) if isinstance(line, AgentLine) and line.heard
        ]
        (cut,) = built.of(TruncationLine)
        assert isinstance(cut, TruncationLine)
        assert (greeting.fate, answer.fate) == (Fate.CUT, Fate.HEARD)
        assert 0 < cut.heard_ms < greeting.sent_ms
        assert greeting.heard_at_least_ms <= greeting.heard_ms <= greeting.heard_at_most_ms
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]
        assert [type(line) for line in built.of(CallerLine)] == [CallerLine]
        early = wire.early_s()
        assert len(early) > 10
        assert max(early) < 0.02, "a mark came back before the sound before it was played"
        assert wrong == []


_SLOW_LINE = """() => {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) { setTimeout(() => send.call(this, text), 700); };
}"""


def test_a_page_that_asks_for_its_call_before_it_began_is_told_what_is_said(tmp_path: Path) -> None:
    wav = microphone(tmp_path / "caller.wav")
    with calling(tmp_path, wav, None) as (_, page):
        page.evaluate(_SLOW_LINE)
        dialled(page)
        expect(page.locator("#said li.agent").first).to_be_visible(timeout=20_000)
        expect(page.get_by_role("link", name="Read what is kept of it")).to_be_hidden()


_HELD = """(what) => {
  const held = new Promise((go) => { window.go = go; });
  const late = (owner, name, is) => {
    const real = owner[name];
    owner[name] = async function (...asked) {
      if (is(...asked)) await held;
      return real.apply(this, asked);
    };
  };
  if (what === "ticket") late(window, "fetch", (url) => String(url).endsWith("/trial/calls"));
  if (what === "microphone") late(navigator.mediaDevices, "getUserMedia", () => true);
  if (what === "sound") late(AudioWorklet.prototype, "addModule", () => true);
  window.sockets = 0;
  window.WebSocket = class extends WebSocket {
    constructor(url) {
      super(url);
      window.sockets += 1;
    }
  };
  window.live = [];
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (asked) => {
    const stream = await ask(asked);
    window.live.push(...stream.getTracks());
    return stream;
  };
}"""
"""The one thing comes when `go` is called; sockets that were opened, and microphones."""


def held(page: Page, what: str) -> None:
    page.evaluate(_HELD, what)


def until(page: Page, holds: str) -> None:
    for _ in range(400):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{holds}: it never is")


@pytest.mark.parametrize("what", ["microphone", "sound", "ticket"])
def test_who_hangs_up_while_it_is_calling_makes_no_call(tmp_path: Path, what: str) -> None:
    with calling(tmp_path, microphone(tmp_path / "caller.wav"), None) as (_, page):
        wrong = watched(page)
        held(page, what)
        page.get_by_role("button", name="Call", exact=True).click()
        expect(page.locator("#link")).to_have_text("calling …")
        page.get_by_role("button", name="Hang up").click()
        expect(page.locator("#link")).to_have_text("call ended")
        page.evaluate("window.go()")
        page.wait_for_timeout(500)
        expect(page.locator("#link")).to_have_text("call ended")
        assert page.evaluate("window.sockets") == 0
        assert page.evaluate("window.live.every((track) => track.readyState === 'ended')")
        expect(page.locator(".toast")).to_have_count(0)
        assert wrong == []


_LEVELS = """() => {
  window.loud = window.frames = 0;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) {
    const said = JSON.parse(text);
    if (said.event === "media") {
      window.frames += 1;
      const ulaw = [...atob(said.media.payload)].map((each) => each.charCodeAt(0) | 0x80);
      window.loud += ulaw.filter((each) => each < 0xe0).length;
    }
    return send.call(this, text);
  };
}"""


def test_who_mutes_while_it_is_calling_is_not_heard_until_they_unmute(tmp_path: Path) -> None:
    wav = microphone(tmp_path / "caller.wav", (0.0, hums(30_000)))
    with calling(tmp_path, wav, None) as (_, page):
        page.evaluate(_LEVELS)
        held(page, "microphone")
        page.get_by_role("button", name="Call", exact=True).click()
        page.get_by_role("button", name="Mute").click()
        page.evaluate("window.go()")
        expect(page.locator("#link")).to_have_text("on the line", timeout=20_000)
        until(page, "window.frames > 50")
        expect(page.locator("#mute")).to_have_text("Muted")
        assert page.evaluate("window.loud") == 0, "the page says Muted, and the caller is heard"
        page.get_by_role("button", name="Muted").click()
        until(page, "window.loud > 0")


@pytest.mark.slow
def test_an_appointment_is_booked_by_voice_with_the_embedded_engine(tmp_path: Path) -> None:
    """The caller does not listen: it speaks after so long as a reply may take, and once more."""
    shop = default_shop()
    errand = free_errand(shop, (), dt.datetime.now(shop.zone))
    assert errand is not None
    goal = errand.goal
    wants = (
        f"I'd like to book a {goal.service} on {goal.day} at {goal.time}, my name is {goal.name}."
    )
    agrees = voiced("Yes, that's right.")
    wav = microphone(tmp_path / "c.wav", (3.5, voiced(wants)), (28.0, agrees), (46.0, agrees))
    env = {"FRONTDESK_ENGINE": "local", "FRONTDESK_GREETING": "Hello, how can I help?"}
    with calling(tmp_path, wav, None, **env) as (running, page):
        dialled(page)
        booked = page.locator("#said li.tool", has_text="book_appointment")
        expect(booked).to_contain_text("→ done", timeout=75_000)
        service = running.built.service
        call_id = page.locator("#trial").get_attribute("data-call")
        assert call_id is not None
        (row,) = Bookings(service.store, shop).of_call(call_id)
        local = row.starts_at.astimezone(shop.zone)
        assert (row.service, row.name, local.hour) == (goal.service, goal.name, first_hour(goal))
        page.get_by_role("button", name="Hang up").click()
        expect(page.locator("#link")).to_have_text("call ended")


def voiced(text: str) -> Pcm:
    return resampled(says(text), 16_000, RATE)


def first_hour(goal: Goal) -> int:
    """`three in the afternoon` is 15."""
    word, _, part = goal.time.partition(" in the ")
    hour = [spoken_number(number) for number in range(13)].index(word)
    return hour + 12 if part != "morning" and hour < 12 else hour
