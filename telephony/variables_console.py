"""The settings of the console."""

from telephony.values import choice, public_url
from telephony.variable import Variable

CONSOLE: tuple[Variable, ...] = (
    Variable(
        "FRONTDESK_CONSOLE",
        "console",
        choice("on", "off"),
        "on",
        "on or off",
        "Whether `frontdesk serve` serves the [console](console.md), too; off where `frontdesk"
        " console` does, as a process of its own",
    ),
    Variable(
        "FRONTDESK_CONSOLE_URL",
        "console_url",
        public_url,
        None,
        "https://desk.example.com",
        "How people reach the console where that is not FRONTDESK_PUBLIC_URL",
    ),
)
