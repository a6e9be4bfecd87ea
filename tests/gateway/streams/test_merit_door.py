"""/merit/stream: what closes and what is published, to whoever listens."""

import asyncio
import json

import pytest

from excraft.messages.commands import MeritAct
from excraft.messages.merit import Verb

pytestmark = pytest.mark.anyio


async def tick(venue):
    await venue.engine.execute(MeritAct(verb=Verb.CLOSE_DAY))


async def test_days_rounds_and_rewards_are_told(peer):
    merit = peer.exchange.merit
    async with peer.connect("/merit/stream") as one, peer.connect("/merit/stream") as two:
        await one.send("anything")
        await tick(peer.venue)
        merit.calendar.day += 2
        merit.calendar.round += 1
        merit.published(0)
        await tick(peer.venue)
        for client in (one, two):
            async with asyncio.timeout(5):
                told = [json.loads(await client.recv()) for _ in range(4)]
            assert told == [
                {"event": "dayClosed", "day": 0}, {"event": "dayClosed", "day": 1},
                {"event": "roundStarted", "round": 1}, {"event": "rewardsPublished", "day": 0},
            ]  # fmt: skip
    await tick(peer.venue)
    assert peer.streams.merit._listeners == {}
