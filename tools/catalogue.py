"""The list of all tools: a new folder of tools is one line here."""

from tools.booking.offer import booking_tools
from tools.booking.shop import Shop
from tools.calls.errands import errand_tools
from tools.calls.offer import NOBODY, Targets, call_tools
from tools.crm.offer import crm_tools
from tools.registry import Registry
from tools.store import Store


def build(shop: Shop, store: Store, targets: Targets = NOBODY) -> Registry:
    """Every tool, for one shop, one database and one telephone line."""
    return Registry(
        [
            *booking_tools(shop, store),
            # Before notes: who wants to leave a message means one that somebody reads.
            *errand_tools(shop, store),
            *crm_tools(store),
            *call_tools(targets),
        ]
    )
