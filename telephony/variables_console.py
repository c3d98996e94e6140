"""The settings of the console."""

from telephony.values import choice, issuer, matching, public_url, secret, whole, yes_or_no
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
    Variable(
        "FRONTDESK_CONSOLE_PORT",
        "console_port",
        whole(0, 65_535),
        "8081",
        "a whole number from 0 to 65535 (0 takes any free port)",
        "Port that `frontdesk console` listens on, at the address of FRONTDESK_HOST",
    ),
    Variable(
        "FRONTDESK_CONSOLE_SECOND_STEP",
        "console_second_step",
        choice("nobody", "admins", "everybody"),
        "nobody",
        "nobody, admins or everybody",
        "Who must sign in to the console with a code of an app, too; others may",
    ),
    Variable(
        "FRONTDESK_FOUR_EYES",
        "four_eyes",
        yes_or_no,
        "no",
        "yes or no",
        "Whether what is new in [tools and personas](versions.md#four-eyes) goes live only by"
        " somebody who has written none of it",
    ),
    Variable(
        "FRONTDESK_OIDC_ISSUER",
        "oidc_issuer",
        issuer,
        None,
        "https://login.example.com",
        "Single sign-on for the console: the issuer of an OpenID Connect provider",
    ),
    Variable(
        "FRONTDESK_OIDC_CLIENT_ID",
        "oidc_client_id",
        matching(r"[!-~]{1,200}", "a client id"),
        None,
        "what the provider calls this console",
        "Goes with it",
    ),
    Variable(
        "FRONTDESK_OIDC_CLIENT_SECRET",
        "oidc_client_secret",
        secret,
        None,
        "the client secret that the provider gave",
        "Goes with it",
        secret=True,
    ),
)
