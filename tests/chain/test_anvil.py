"""The local chain starts, keeps its state, and ends."""

import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from excraft.chain import anvil as local
from excraft.chain.anvil import Anvil
from tests.chain.local import Chain

pytestmark = pytest.mark.anyio
STARTER = """
import sys, time
from pathlib import Path
from excraft.chain.anvil import Anvil
anvil = Anvil(Path(sys.argv[1]))
print(anvil.url, anvil.pid, flush=True)
time.sleep(60)
"""


async def test_the_state_is_there_again_after_a_restart(tmp_path):
    for run in (1, 2):
        anvil = Anvil(tmp_path / "state.json")
        chain = Chain(anvil)
        try:
            assert (await chain.node.head()).number == run - 1
            sent = await chain.send(await chain.rich(1), 7)
            await chain.web3.eth.wait_for_transaction_receipt(sent, timeout=20)
            balance = await chain.web3.eth.get_balance(await chain.rich(1))
            assert balance == 10_000 * 10**18 + 7 * run
        finally:
            await chain.node.close()
            anvil.stop()
        with pytest.raises(ProcessLookupError):
            os.kill(anvil.pid, 0)


async def test_two_run_beside_each_other_with_their_own_chain_id():
    one, two = Anvil(), Anvil(chain_id=5)
    try:
        assert one.url != two.url
        chain = Chain(two)
        assert await chain.web3.eth.chain_id == 5
        await chain.node.close()
    finally:
        one.stop()
        two.stop()


def test_a_state_has_one_anvil(tmp_path):
    one = Anvil(tmp_path / "state.json")
    try:
        with pytest.raises(RuntimeError, match="another anvil has .*state.json, since 0.2 s"):
            Anvil(tmp_path / "state.json", seconds=0.2)
    finally:
        one.stop()
    Anvil(tmp_path / "state.json").stop()


async def test_after_a_kill_the_next_start_has_every_block(tmp_path):
    """At once, while the orphan still writes."""
    state = tmp_path / "state.json"
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(state)], stdout=subprocess.PIPE, text=True
    )
    url, pid = starter.stdout.readline().split()
    chain = Chain(SimpleNamespace(url=url, chain_id=31337))
    await chain.mine(300)
    await chain.node.close()
    os.kill(int(pid), signal.SIGSTOP)  # an orphan that is slow to end
    starter.kill()
    if sys.platform != "linux":  # there it ends by itself
        os.kill(int(pid), signal.SIGTERM)
    starter.wait()
    starter.stdout.close()
    later = threading.Timer(0.5, os.kill, (int(pid), signal.SIGCONT))
    later.start()
    anvil = Anvil(state)
    later.join()
    chain = Chain(anvil)
    try:
        assert (await chain.node.head()).number == 300
    finally:
        await chain.node.close()
        anvil.stop()


def test_what_does_not_start_says_why(tmp_path):
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(RuntimeError, match="did not begin to listen.*it said"):
        Anvil(tmp_path / "state.json")


def test_a_missing_program_names_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="make chain-node"):
        local.program()
