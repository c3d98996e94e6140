"""The list of all tools: a new folder of tools is one line here."""

from tools.booking.offer import booking_tools
from tools.booking.shop import Shop
from tools.calls.errands import errand_tools
from tools.calls.offer import NOBODY, Targets, call_tools
from tools.crm.desk import CrmDesk, own_desk
from tools.crm.offer import crm_tools
from tools.registry import Registry
from tools.spec import Tool
from tools.store import Store


def modules(
    shop: Shop, store: Store, targets: Targets = NOBODY, crm: CrmDesk | None = None
) -> dict[str, tuple[Tool, ...]]:
    """The tools of each module, for one shop, one database, one telephone line and one book of
    contacts."""
    desk = crm or own_desk(store)
    errands = errand_tools(shop, store, desk.consents.refuse_closed, desk.region)
    return {
        "booking": booking_tools(shop, store, desk.checks),
        # Before notes: who wants to leave a message means one that somebody reads.
        "calls": (*errands, *call_tools(targets)),
        "crm": crm_tools(store, crm),
    }


def build(
    shop: Shop, store: Store, targets: Targets = NOBODY, crm: CrmDesk | None = None
) -> Registry:
    """Every tool, as it is without a file."""
    of_modules = modules(shop, store, targets, crm).values()
    return Registry(tool for tools in of_modules for tool in tools)
