"""The list of all tools: a new folder of tools is one line here."""

from tools.booking.offer import booking_tools
from tools.booking.shop import Shop
from tools.calls.errands import errand_tools
from tools.calls.offer import NOBODY, Targets, call_tools
from tools.crm.desk import CrmDesk
from tools.crm.offer import crm_tools
from tools.registry import Registry
from tools.store import Store


def build(
    shop: Shop, store: Store, targets: Targets = NOBODY, crm: CrmDesk | None = None
) -> Registry:
    """Every tool, for one shop, one database, one telephone line and one book of contacts."""
    return Registry(
        [
            *booking_tools(shop, store),
            # Before notes: who wants to leave a message means one that somebody reads.
            *errand_tools(shop, store),
            *crm_tools(store, crm),
            *call_tools(targets),
        ]
    )
