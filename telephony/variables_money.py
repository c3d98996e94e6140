"""The settings of models that grow old and of what calls may cost."""

from telephony.values import choice, path, usd
from telephony.variable import Variable

_DOLLARS = "an amount in US dollars, e.g. 2.50"

MONEY: tuple[Variable, ...] = (
    Variable(
        "FRONTDESK_MODELS_FILE",
        "models_file",
        path,
        None,
        "the path of a JSON file",
        "Prices, shutdown dates and successors of models; the shipped `agents/models.json` if not"
        " set",
    ),
    Variable(
        "FRONTDESK_RETIRED_MODELS",
        "retired_models",
        choice("successor", "refuse"),
        "successor",
        "successor or refuse",
        "What happens when a model that is set here is shut down: calls go to its successor, or"
        " the start ends with an error",
    ),
    Variable(
        "FRONTDESK_CARRIER_USD_PER_MINUTE",
        "carrier_usd_per_minute",
        usd(0, 100),
        "0.0125",
        "an amount in US dollars, e.g. 0.0125",
        "What the carrier charges for each minute begun, media stream included",
    ),
    Variable(
        "FRONTDESK_MAX_CALL_USD",
        "max_call_usd",
        usd(0.01, 1_000_000),
        None,
        _DOLLARS,
        "What one call may cost; no cap if not set",
    ),
    Variable(
        "FRONTDESK_MAX_CALLER_USD",
        "max_caller_usd",
        usd(0.01, 1_000_000),
        None,
        _DOLLARS,
        "What all calls of one number may cost on one day; no cap if not set",
    ),
    Variable(
        "FRONTDESK_MAX_DAY_USD",
        "max_day_usd",
        usd(0.01, 1_000_000),
        None,
        _DOLLARS,
        "What all calls together may cost on one day; no cap if not set",
    ),
)
