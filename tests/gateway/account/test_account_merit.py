"""Merit as a member, a master and a stranger see it."""

import pytest

from excraft.dataset.days import day_name, open_day
from excraft.messages.commands import Cause, Credit
from excraft.parameters import Parameter
from excraft.rewards.tree import leaf_of, proves
from tests.gateway.clients import set_parameter

pytestmark = pytest.mark.anyio
ADDRESS = "0x" + "ab" * 20


@pytest.fixture
async def people(shop):
    """Ann and Bob with 100 EXT each; EXT is staked, USD is what is counted in."""
    engine = shop.venue.engine
    await set_parameter(engine, Parameter.EXT_ASSET, 1)
    await set_parameter(engine, Parameter.REFERENCE_ASSET, 2)
    found = []
    for who in ("ann", "bob"):
        one = shop.browser()
        await one.join(f"{who}@example.org")
        one.account = (await one.ok("GET", "me"))["account"]
        await engine.execute(
            Credit(account=one.account, asset=0, amount=10**10, cause=Cause.DEPOSIT)
        )
        found.append(one)
    return found


def close_day(shop):
    """As the round service does, without its clock; the log of these tests is in memory."""
    exchange = shop.venue.exchange
    merit = exchange.merit
    merit._close_day()
    [closed] = merit.closed
    closed.position = 0
    exchange.rounds._publish(closed)
    merit.published(closed.day)
    merit.calendar.next(86_400, 7)


async def test_a_pool_from_founding_to_admission(shop, people):
    ann, bob = people
    await ann.ok("POST", "merit/pool", verb="FOUND_POOL", text="Aurora", value=500)
    assert await bob.refused("POST", "merit/pool", verb="APPLY", pool=2) == (409, "not_done")
    await bob.ok("POST", "merit/pool", verb="APPLY", pool=1)
    mine = await ann.ok("GET", "merit")
    assert mine["master_of"]["applications"] == [bob.account] and mine["next_pool"] == 1
    assert await bob.refused("POST", "merit/pool", verb="ADMIT", pool=1, account=bob.account) == (
        409, "not_done",
    )  # fmt: skip
    await ann.ok("POST", "merit/pool", verb="ADMIT", pool=1, account=bob.account)
    his = await bob.ok("GET", "merit")
    assert his["next_pool"] == 1 and his["pool"] is None and his["master_of"] is None
    for wrong in (
        {"verb": "UNSTAKE"}, {"verb": "FLAG_PAIR"}, {"verb": "APPLY", "pool": 2**40},
        {"verb": "FOUND_POOL", "text": "x" * 1001}, {"verb": "SET_DOOR", "value": -(2**40)},
    ):  # fmt: skip
        assert await bob.refused("POST", "merit/pool", **wrong) == (400, "bad_request"), wrong


async def test_stake_and_asking_it_back(shop, people):
    ann, _ = people
    assert await ann.refused("POST", "merit/stake", amount="101") == (409, "not_done")
    for wrong in ("0", "-1", "x", "1.000000001", "9" * 30):
        assert await ann.refused("POST", "merit/stake", amount=wrong) == (400, "bad_request"), wrong
    await ann.ok("POST", "merit/stake", amount="40")
    assert await ann.refused("POST", "merit/unstake", amount="41") == (409, "not_done")
    await ann.ok("POST", "merit/unstake", amount="15")
    stake = (await ann.ok("GET", "merit"))["stake"]
    assert (stake["staked"], stake["asked_back"][0]["amount"]) == ("25.00000000", "15.00000000")


async def test_a_day_is_shown_to_each_as_theirs_and_proved(shop, people):
    ann, bob = people
    for one in people:
        await one.ok("POST", "merit/stake", amount="40")
    shop.now.ns += 3_600 * 10**9
    assert await ann.refused("POST", "merit/choice", on_chain=True, address=ADDRESS) == (
        403, "step_up_needed",
    )  # fmt: skip
    await ann.ok("POST", "step-up", password="correct horse 7")
    await ann.ok("POST", "merit/choice", on_chain=True, address=ADDRESS)
    assert (await ann.ok("GET", "merit"))["on_chain"] is True
    close_day(shop)
    hers, his = [await one.ok("GET", "merit/days/0") for one in people]
    assert hers["id"] != his["id"] and hers["mine"]["reward_stake"] == his["mine"]["reward_stake"]
    assert his["claim"] is None and hers["claim"]["address"] == ADDRESS
    assert hers["claim"]["cumulative"] == hers["mine"]["cumulative"]
    assert hers["claim"]["root"] == hers["claims_root"] and hers["claim"]["day"] == 0
    for one, whole in ((ann, hers), (bob, his)):
        [day] = (await one.ok("GET", "merit/days"))["days"]
        assert (day["day"], day["mine"]) == (0, whole["mine"])
    assert await bob.refused("GET", "merit/days/1") == (404, "not_found")
    assert await bob.refused("GET", "merit/days/x") == (404, "not_found")


async def test_everybody_gets_the_files_and_nothing_private(shop, people):
    await people[0].ok("POST", "merit/pool", verb="FOUND_POOL", text="Aurora", value=500)
    close_day(shop)
    http = people[0].http
    http.cookies.clear()
    merit = (await http.get("/merit")).json()
    assert merit["day"] == 1 and merit["parameters"]["EXT_ASSET"] == 1
    listed = (await http.get("/merit/markets")).json()["markets"]
    assert [row["symbol"] for row in listed] == [
        m.symbol for m in shop.venue.engine.listings.markets
    ]
    assert {(row["weight"], row["price_source"]) for row in listed} == {(10_000, False)}
    [pool] = (await http.get("/pools")).json()["pools"]
    assert pool["name"] == "Aurora" and "master" not in pool
    assert pool["last"] | {"units": "0", "rank": 0, "verified": 0} == pool["last"]
    assert (await http.get("/pools/1")).json()["days"] == [
        {"day": 0, "round": 0, "end": merit["begin"]} | pool["last"]
    ]
    [day] = (await http.get("/rewards")).json()["days"]
    assert day["day"] == 0
    whole = (await http.get("/rewards/day/0/manifest.json")).json()
    assert whole["dataset_hash"] == day["dataset_hash"]
    folder = shop.venue.exchange.dataset / day_name(0)
    for name in ("members.csv", "results.csv", "pools.parquet"):
        assert (await http.get(f"/rewards/day/0/{name}")).content == (folder / name).read_bytes()
    for path in (
        "/pools/2", "/pools/x", "/rewards/day/1/manifest.json", "/rewards/private/0/salt-0000",
        "/rewards/day/0/..%2f..%2fprivate%2fsalt-0000", "/rewards/day/0/salt-0000",
        "/rewards/day/99999999999999/members.csv", "/rewards/round/0/manifest.json",
    ):  # fmt: skip
        assert (await http.get(path)).status_code == 404, path


async def test_members_are_mailed_when_a_commission_will_rise(shop, people):
    ann, bob = people
    await ann.ok("POST", "merit/pool", verb="FOUND_POOL", text="Aurora", value=500)
    await ann.ok("POST", "merit/pool", verb="SET_DOOR", pool=1, value=1)
    await bob.ok("POST", "merit/pool", verb="APPLY", pool=1)
    for value in (400, 500):  # less, or the same: nobody is told
        await ann.ok("POST", "merit/pool", verb="SET_COMMISSION", pool=1, value=value)
    assert not [m for m in shop.mails() if "commission" in m[1]]
    await ann.ok("POST", "merit/pool", verb="SET_COMMISSION", pool=1, value=1250)
    for value in (500, 1250):
        await ann.ok("POST", "merit/pool", verb="SET_COMMISSION", pool=1, value=value)
    assert len([m for m in shop.mails() if "commission" in m[1]]) == 2, "once"
    told = {to: text for to, subject, text in shop.mails() if "commission" in subject}
    assert set(told) == {"ann@example.org", "bob@example.org"}
    assert "takes 12.5 % of" in told["bob@example.org"] and "it is 5 %" in told["bob@example.org"]
    assert await bob.refused("POST", "merit/pool", verb="SET_COMMISSION", pool=1, value=1) == (
        409, "not_done",
    )  # fmt: skip


async def test_members_are_mailed_when_their_master_will_keep_all(shop, people):
    ann, bob = people
    await ann.ok("POST", "merit/pool", verb="FOUND_POOL", text="Aurora", value=500)
    await ann.ok("POST", "merit/pool", verb="SET_DOOR", pool=1, value=1)
    await bob.ok("POST", "merit/pool", verb="APPLY", pool=1)
    for value in (1, 0, 1, 0):
        await ann.ok("POST", "merit/pool", verb="SET_REDISTRIBUTE", pool=1, value=value)
    await ann.ok("POST", "merit/pool", verb="SET_COMMISSION", pool=1, value=2_000)
    told = [(to, text) for to, subject, text in shop.mails() if "will take more" in subject]
    assert [to for to, _ in told] == ["ann@example.org", "bob@example.org"], "once"
    assert "takes all of the pool's rewards; in this round it is 5 %" in " ".join(
        told[1][1].split()
    )


async def test_who_is_master_and_who_may_stay(shop, people):
    ann, bob = people
    merit = shop.venue.exchange.merit

    async def does(one, verb, **more):
        await one.ok("POST", "merit/pool", verb=verb, pool=1, **more)

    await ann.ok("POST", "merit/pool", verb="FOUND_POOL", text="Aurora", value=500)
    await does(ann, "SET_DOOR", value=1)
    await does(bob, "APPLY")
    merit.pools.start_round({bob.account: 1}, set(), {})
    vote = {"verb": "VOTE_MASTER", "pool": 1, "account": bob.account}
    assert await ann.refused("POST", "merit/pool", **vote) == (409, "not_done"), "not verified"
    hers = (await ann.ok("GET", "merit"))["master_of"]
    assert (hers["account"], hers["accounts"]) == (ann.account, [ann.account, bob.account])
    await does(ann, "BAN", account=bob.account)
    assert (await ann.ok("GET", "merit"))["master_of"]["banned"] == [bob.account]
    assert (await bob.ok("GET", "merit"))["next_pool"] == 0
    await does(ann, "UNBAN", account=bob.account)
    await does(bob, "APPLY")
    await does(ann, "NAME_MASTER", account=bob.account)
    assert (await ann.ok("GET", "merit"))["master_of"]["next_master"] == bob.account
    await does(ann, "NAME_MASTER", account=ann.account)
    await does(bob, "VOTE_MASTER", account=bob.account)
    merit.pools.start_round({bob.account: 1}, set(), {})
    assert (await bob.ok("GET", "merit"))["master_of"]["account"] == bob.account
    assert (await ann.ok("GET", "merit"))["master_of"] is None


async def test_a_proof_comes_from_the_tree_whether_it_was_saved_or_not(shop, people):
    """Also of an address that two members share: they claim together."""
    for one in people:
        await one.ok("POST", "merit/stake", amount="40")
        await one.ok("POST", "merit/choice", on_chain=True, address=ADDRESS)
    close_day(shop)
    dataset = shop.venue.exchange.dataset
    first = (await people[0].ok("GET", "merit/days/0"))["claim"]
    saved = dataset / "trees" / "claims-00000.npy"
    saved.unlink()
    assert (await people[1].ok("GET", "merit/days/0"))["claim"] == first
    assert saved.exists()
    day = open_day(dataset, 0)
    each = [row.cumulative for row in day.rows("results")]
    assert first["cumulative"] == str(sum(each)) and len(each) == 2
    leaf = leaf_of(bytes.fromhex(ADDRESS[2:]), sum(each))
    proof = [bytes.fromhex(node[2:]) for node in first["proof"]]
    assert proves(bytes.fromhex(first["root"]), leaf, proof)
