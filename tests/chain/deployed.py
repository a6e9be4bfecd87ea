"""All contracts on a chain of a test, with those who act on them."""

import json
from pathlib import Path

from eth_utils import to_checksum_address

from excraft.chain.anvil import Anvil
from excraft.chain.deployment import Terms, contracts_of, deploy
from excraft.chain.ethereum import Account, LocalAccount
from excraft.chain.node import Limits, Node
from excraft.chain.wallet import Wallet

SUPPLY = 10**27
DELAY, ROUND_WINDOW, REWARD_WINDOW = 100, 60, 40


def key(number: int) -> LocalAccount:
    """A key that no chain knows."""
    return Account.from_key(number.to_bytes(32, "big"))


HOLDER, OPERATOR, GUARDIAN, ADMIN, ALICE, BOB = (key(100 + number) for number in range(6))
TERMS = Terms(
    HOLDER.address, ADMIN.address, OPERATOR.address, GUARDIAN.address, SUPPLY, DELAY,
    ROUND_WINDOW, REWARD_WINDOW,
)  # fmt: skip


class Town:
    """A chain that mines each transaction at once, with a clock that the test sets."""

    def __init__(self, anvil: Anvil) -> None:
        self.node = Node(anvil.url, anvil.chain_id, Limits(seconds=20.0))
        self.wallets: dict[str, Wallet] = {}

    async def ask(self, method: str, *params):
        [raw] = await self.node.batch([(method, [*params])])
        return json.loads(raw)

    async def wallet(self, account: LocalAccount) -> Wallet:
        """With coin for its transactions."""
        if account.address not in self.wallets:
            await self.ask("anvil_setBalance", account.address, hex(10**20))
            self.wallets[account.address] = Wallet(self.node, account, wait_s=20.0, poll_s=0.002)
        return self.wallets[account.address]

    async def deploy(self, path: Path, terms: Terms = TERMS) -> None:
        self.deployment = await deploy(await self.wallet(HOLDER), terms, path)
        self.contracts = contracts_of(self.node, self.deployment)

    async def call(self, account: LocalAccount, contract: str, function: str, *arguments) -> None:
        """`contract`: a field of Contracts."""
        wallet = await self.wallet(account)
        await wallet.call(getattr(self.contracts, contract), function, *arguments)

    async def give(self, to: str, units: int) -> None:
        await self.call(HOLDER, "token", "transfer", to_checksum_address(to), units)

    async def now(self) -> int:
        return (await self.node.head()).seconds

    async def wait(self, seconds: int) -> None:
        """The next block is so much later than the last one."""
        await self.ask("evm_setNextBlockTimestamp", await self.now() + seconds)
        await self.ask("evm_mine")
