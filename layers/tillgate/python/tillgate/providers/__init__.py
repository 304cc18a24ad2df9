"""The POS vendors that Tillgate understands. An eleventh is one module and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.providers.clover import Clover
from tillgate.providers.shopify import Shopify
from tillgate.providers.square import Square
from tillgate.providers.standard import Standard
from tillgate.providers.toast import Toast

if TYPE_CHECKING:
    from tillgate.domain.provider import Provider

PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (Square(), Shopify(), Toast(), Clover(), Standard())
}
