"""The settings of what leaves the service about its calls: webhooks and traces."""

from telephony.values import api_url, networks, secret
from telephony.variable import Variable

OUTWARD: tuple[Variable, ...] = (
    Variable(
        "FRONTDESK_WEBHOOK_PRIVATE",
        "webhook_private",
        networks,
        "none",
        "addresses or networks with commas between, such as 10.0.0.0/8, or none",
        "Where webhooks may be sent although the address is not public",
    ),
    Variable(
        "FRONTDESK_OTLP_URL",
        "otlp_url",
        api_url,
        None,
        "a URL such as http://127.0.0.1:4318/v1/traces",
        "Where traces of finished calls are sent (OpenTelemetry, OTLP over HTTP); nowhere if not"
        " set",
    ),
    Variable(
        "FRONTDESK_OTLP_HEADERS",
        "otlp_headers",
        secret,
        None,
        "name=value, several with commas between",
        "Headers sent with traces, such as a key of who collects them",
        secret=True,
    ),
)
