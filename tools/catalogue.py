"""The list of all tools: a new folder of tools is one line here."""

from tools.booking.offer import booking_tools
from tools.booking.shop import Shop
from tools.calls.offer import NOBODY, Targets, call_tools
from tools.crm.offer import crm_tools
from tools.registry import Registry
from tools.spec import Tool
from tools.store import Store


def modules(shop: Shop, store: Store, targets: Targets = NOBODY) -> dict[str, tuple[Tool, ...]]:
    """The tools of each module, for one shop, one database and one telephone line."""
    return {
        "booking": booking_tools(shop, store),
        "crm": crm_tools(store),
        "calls": call_tools(targets),
    }


def build(shop: Shop, store: Store, targets: Targets = NOBODY) -> Registry:
    """Every tool, as it is without a file."""
    return Registry(tool for tools in modules(shop, store, targets).values() for tool in tools)
