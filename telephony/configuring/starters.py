"""Sets of configuration files to begin with: which there are, and what is in them."""

from pathlib import Path

from telephony.configuring.folder import read_folder
from telephony.line import DEFAULT_LINE
from telephony.line import FILE as LINE_FILE
from tools.booking.shop import DEFAULT_SHOP
from tools.booking.shop import FILE as SHOP_FILE
from tools.crm.config import DEFAULT_CRM
from tools.crm.config import FILE as CRM_FILE

KINDS = ("salon", "dental")
_PLACE = Path(__file__).resolve().parent.parent / "starters"


def starter(kind: str) -> dict[str, str]:
    """The files of a set by their paths, shop, line and contacts first."""
    plain = {SHOP_FILE: DEFAULT_SHOP, LINE_FILE: DEFAULT_LINE, CRM_FILE: DEFAULT_CRM}
    return {**plain, **read_folder(_PLACE / kind)}
