"""`frontdesk init`: example files to start from."""

import click

from telephony.line import FILE as LINE_FILE
from telephony.linefile import write_default_line
from telephony.settings import load
from tools.booking.shop import FILE as SHOP_FILE
from tools.booking.shopfile import write_default_shop
from tools.config import ConfigError


@click.command()
def init() -> None:
    """Write shop.yaml and phone.yaml, to be changed, into the configuration folder.

    Files that are there are left as they are.
    """
    folder = load().config_dir
    for name, write in ((SHOP_FILE, write_default_shop), (LINE_FILE, write_default_line)):
        try:
            there = (folder / name).exists()
            path = write(folder)
        except OSError as error:
            what = f"{folder / name} cannot be written ({error.strerror})"
            hint = "Set it to a folder that this user may write"
            raise ConfigError("FRONTDESK_CONFIG_DIR", what, hint) from None
        click.echo(f"{path}: {'is there, left as it is' if there else 'written'}")
