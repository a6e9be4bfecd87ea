"""Order lists and smart routing: known paths that this exchange does not offer yet.

They read nothing but the symbol, so a client gets the reason and not a complaint about a parameter.
"""

from collections.abc import Awaitable, Callable, Mapping

from excraft.gateway import errors
from excraft.gateway.auth import Caller
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import params
from excraft.gateway.spot.orders import market_of
from excraft.gateway.spot.params import Param, Spec


class AnyParameters(Spec):
    """A specification that looks at its own parameters only."""

    def read(self, sent: Mapping[str, str]) -> dict:
        names = {param.name for param in self.params}
        return super().read({name: text for name, text in sent.items() if name in names})


LIST_ORDERS = AnyParameters(Param("symbol", params.SYMBOL, True))


def unsupported(text: str) -> Callable[[Exchange, Caller, dict], Awaitable[dict]]:
    """A request function that always refuses: for an unknown list -2011, otherwise -1013."""

    async def refuse(exchange: Exchange, caller: Caller, values: dict) -> dict:
        market_of(exchange.engine.listings, values["symbol"])
        if text.startswith("Unknown"):
            raise errors.Refused(errors.CANCEL_REJECTED, text)
        raise errors.not_supported(text)

    return refuse
