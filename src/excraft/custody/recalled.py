"""What the signer says it signed: the truth where the database is an old one, or lost an answer."""

import asyncio
import logging

from excraft.custody.sent import SentBook
from excraft.custody.signer.requests import Made, Signed
from excraft.custody.signer_client import SignerClient

_LOGGER = logging.getLogger(__name__)


class Recalled:
    """Of one chain; every method raises SignerRefused or SignerAway. What is learned is a row
    from then on, and followed like any other."""

    def __init__(self, book: SentBook, signer: SignerClient) -> None:
        self._book, self._signer = book, signer

    async def withdrawal(self, id: int) -> bool:
        """Whether it was signed here."""
        return await self._learned(await self.made(id))

    async def nonce(self, source: str, nonce: int, number: int | None) -> bool:
        """Whether something was signed with it; `number`: of the deposit address `source` is."""
        made = await self._from(source, nonce, number)
        return await self._learned(made if made and made[0].nonce == nonce else [])

    async def source(self, source: str, number: int | None) -> None:
        """Everything that was signed there after the last nonce that is known."""
        last = await asyncio.to_thread(self._book.last_nonce, source)
        nonce = 0 if last is None else last + 1
        while made := await self._from(source, nonce, number):
            await self._learned(made)
            nonce = made[0].nonce + 1

    async def _from(self, source: str, nonce: int, number: int | None) -> list[Made]:
        chain = self._book.chain_id
        return await self._asked(Signed(chain=chain, source=source, nonce=nonce, number=number))

    async def made(self, id: int) -> list[Made]:
        """Everything that was signed for a withdrawal here, oldest first."""
        return await self._asked(Signed(id=id))

    async def _asked(self, asked: Signed) -> list[Made]:
        answer = await self._signer.ask(asked)
        return [each for each in answer.made if each.chain == self._book.chain_id]

    async def _learned(self, made: list[Made]) -> bool:
        if made and await asyncio.to_thread(self._book.learn, made):
            first = made[0]
            what = f"{first.kind} {first.id}" if first.id else first.kind
            _LOGGER.warning("learned from the signer: nonce %s is a %s", first.nonce, what)
        return bool(made)
