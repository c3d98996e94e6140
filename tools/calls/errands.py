"""What the staff is asked to do for a caller: read a message, call back."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec

from tools.booking.shop import Shop
from tools.booking.speech import say_day, say_time
from tools.calls.inbox import CallBack, Inbox, Message
from tools.calls.windows import window
from tools.phone import e164, region_of
from tools.spec import Result, Risk, Tool, ToolContext, ToolRefusal
from tools.store import Store

RefuseClosed = Callable[[str], None]
"""Raises ToolRefusal for a number that is not to be called; may block."""

_LEAST_DIGITS, _MOST_DIGITS = 5, 15


def _text(description: str, ask: str, max_length: int, **hints: str) -> msgspec.Meta:
    extra = {"x-ask": ask, **hints}
    return msgspec.Meta(
        description=description, min_length=1, max_length=max_length, extra_json_schema=extra
    )


Name = Annotated[str, _text("The caller's name.", "May I take your name?", 80, format="name")]
CallBackNumber = Annotated[
    str,
    _text(
        "Where to call back, if not at the number the caller calls from.",
        "What number can we call you back on?",
        40,
        format="phone",
    ),
]


class TakeMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Annotated[
        str, _text("The message, in the caller's words.", "What is your message?", 1_000)
    ]
    name: Name
    call_back: Annotated[
        bool, msgspec.Meta(description="The caller wants to be called back about it.")
    ] = False
    call_back_number: CallBackNumber | msgspec.UnsetType = msgspec.UNSET
    urgency: Annotated[
        Literal["normal", "urgent"],
        msgspec.Meta(description="`urgent` only if the caller says that it cannot wait."),
    ] = "normal"


class ScheduleCallBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    date: Annotated[
        str,
        _text(
            "The day on the shop's calendar, as YYYY-MM-DD.",
            "What day shall we call you back?",
            10,
            format="date",
        ),
    ]
    time: Annotated[
        str,
        _text(
            "From when on the caller can be reached, on the shop's clock, as HH:MM (24-hour).",
            "From what time can we reach you?",
            5,
            format="time",
        ),
    ]
    name: Name
    until: (
        Annotated[
            str,
            _text(
                "Until when, as HH:MM; left out: one hour.", "Until what time?", 5, format="time"
            ),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    about: (
        Annotated[str, _text("What it is about, in a few words.", "What is it about?", 300)]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    call_back_number: CallBackNumber | msgspec.UnsetType = msgspec.UNSET


class Errands:
    """The handlers; they block, so the dispatcher runs them in threads."""

    def __init__(
        self, inbox: Inbox, shop: Shop, refuse_closed: RefuseClosed, region: str = ""
    ) -> None:
        """`region`: where numbers without their country are from."""
        self._inbox = inbox
        self._shop = shop
        self._refuse_closed = refuse_closed
        self._region = region

    def take_message(self, asked: TakeMessage, context: ToolContext) -> Result:
        given = isinstance(asked.call_back_number, str)
        wanted = asked.call_back or given
        number = self._number(asked.call_back_number, context) if wanted else None
        message = self._inbox.leave(
            context,
            name=" ".join(asked.name.split()),
            text=asked.text.strip(),
            call_back_number=number,
            urgent=asked.urgency == "urgent",
        )
        return _left(message)

    def message_left(self, context: ToolContext) -> Result | None:
        made = self._inbox.message_left_with(context.idempotency_key)
        return _left(made) if made is not None else None

    def schedule_call_back(self, asked: ScheduleCallBack, context: ToolContext) -> Result:
        until = asked.until if isinstance(asked.until, str) else None
        agreed = window(self._shop, asked.date, asked.time, until, context.now)
        made = self._inbox.arrange(
            context,
            name=" ".join(asked.name.split()),
            about=asked.about.strip() if isinstance(asked.about, str) else "",
            number=self._number(asked.call_back_number, context),
            starts_at=agreed.starts_at,
            ends_at=agreed.ends_at,
            zone=str(self._shop.zone),
        )
        return self._arranged(made)

    def call_back_arranged(self, context: ToolContext) -> Result | None:
        made = self._inbox.call_back_arranged_with(context.idempotency_key)
        return self._arranged(made) if made is not None else None

    def _number(self, given: str | msgspec.UnsetType, context: ToolContext) -> str:
        """Where to call back, unless a number that may be meant asked never to be called."""
        numbers = _numbers(given, context, self._region)
        for number in numbers:
            self._refuse_closed(number)
        return numbers[0]

    def _arranged(self, made: CallBack) -> Result:
        begin = made.starts_at.astimezone(self._shop.zone)
        end = made.ends_at.astimezone(self._shop.zone)
        between = f"between {say_time(begin.time())} and {say_time(end.time())}"
        message = f"All right, we'll call you back on {say_day(begin.date())} {between}."
        when = {"date": f"{begin:%Y-%m-%d}", "from": f"{begin:%H:%M}", "until": f"{end:%H:%M}"}
        return {"message": message, "call_back": {**when, "name": made.name, "state": made.state}}


def _left(message: Message) -> Result:
    said = "Thank you, I've taken your message for our staff."
    if message.call_back_number is not None:
        said += " They will call you back."
    shown: dict[str, Any] = {"name": message.name, "urgent": message.urgent}
    return {"message": said, "taken": {**shown, "call_back": message.call_back_number is not None}}


def _numbers(given: str | msgspec.UnsetType, context: ToolContext, region: str) -> tuple[str, ...]:
    """What may be meant, the likeliest first. Without its country a number is of the shop's or of
    the caller's; what can be of neither is kept as it was said: the staff knows."""
    if not isinstance(given, str):
        if context.caller_number is None:
            message = "Your number is withheld. What number can we call you back on?"
            raise ToolRefusal(message, field="call_back_number")
        return (context.caller_number,)
    digits = re.sub(r"\D", "", given)
    if not _LEAST_DIGITS <= len(digits) <= _MOST_DIGITS:
        raise ToolRefusal("That is no telephone number.", field="call_back_number")
    regions = (region, region_of(context.caller_number) or "")
    full = dict.fromkeys(e164(given, each) for each in regions)
    return tuple(each for each in full if each) or (digits,)


def errand_tools(
    shop: Shop, store: Store, refuse_closed: RefuseClosed, region: str = ""
) -> tuple[Tool, ...]:
    """Both tools, for one shop, one database and the country of its numbers."""
    desk = Errands(Inbox(store), shop, refuse_closed, region)
    return (
        Tool(
            name="take_message",
            description="Take a message for the staff, and whether they shall call back about it.",
            arguments=TakeMessage,
            handler=desk.take_message,
            risk=Risk.MESSAGE,
            confirm=("text",),
            phrases=(
                "I'd like to leave a message",
                "can I leave a message",
                "please take a message",
            ),
            reconcile=desk.message_left,
            claims=(
                "I have taken your message",
                "I have taken a message",
                "I have taken that message",
                "I have passed ... on",
                "I have passed on",
                "I have left ... message",
                "your message ... is passed on",
                "your message ... is taken",
            ),
        ),
        Tool(
            name="schedule_call_back",
            description=(
                "Promise that the staff calls back within opening hours, at a time the caller names"
                " and at the number they call from, unless they give another."
            ),
            arguments=ScheduleCallBack,
            handler=desk.schedule_call_back,
            risk=Risk.MESSAGE,
            confirm=("date", "time", "name"),
            phrases=(
                "please call me back",
                "can somebody call me back",
                "I'd like a call back",
                "schedule a call back",
            ),
            reconcile=desk.call_back_arranged,
            claims=(
                "scheduled",
                "I have arranged",
                "I have set up",
                "your call back ... is arranged",
                "your callback ... is arranged",
                "a call back ... is arranged",
                "a callback ... is arranged",
            ),
        ),
    )
