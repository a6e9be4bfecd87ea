"""The compiled kernel and its plain twin do the same, row for row, on whatever they are given."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import excraft.kernel.kernel as compiled
from excraft.kernel import Kernel
from excraft.kernel.reference import Reference
from excraft.testing.workload import Drawn, Seeded, Size, Workload, difference

SIZES = {
    "few": Size(),
    "many": Size(accounts=40, markets=20),
    "wild": Size(spoiled=300),
    "trading": Size(accounts=3, markets=1, spoiled=0, administrative=5, spread=4),
    "ruled": Size(administrative=400),
}


class Comparison:
    """Kernels that get the same records; the first is the one the others are held to."""

    def __init__(self, kernels):
        self.kernels = kernels

    def step(self, record) -> np.ndarray:
        events = [kernel.step(record) for kernel in self.kernels]
        for other in events[1:]:
            assert np.array_equal(events[0], other), difference(record, events[0], other)
        return events[0]

    def check(self) -> None:
        hashes = [kernel.state_hash() for kernel in self.kernels]
        assert len(set(hashes)) == 1, f"state hashes differ after {self.kernels[0].position}"
        for kernel in self.kernels:
            assert kernel.invariant() == []


@pytest.fixture
def kernels(monkeypatch):
    """Reference, compiled on one thread, compiled on two that share even the smallest record."""
    monkeypatch.setattr(compiled, "INLINE", 1)
    return Reference, lambda: Kernel(threads=1), lambda: Kernel(threads=2)


@settings(
    max_examples=150,
    deadline=None,  # the first example may have to compile
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow,
                           HealthCheck.data_too_large],
)  # fmt: skip
@given(data=st.data())
def test_whatever_is_asked(kernels, data):
    both = Comparison([make() for make in kernels])
    workload = Workload(
        Drawn(data.draw, st.integers), data.draw(st.sampled_from([*SIZES.values()]))
    )
    both.step(workload.opening())
    for _ in range(data.draw(st.integers(1, 5))):
        workload.learn(both.step(workload.record(data.draw(st.integers(1, 12)))))
        both.check()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(4))
def test_long_runs(kernels, size, seed):
    both = Comparison([make() for make in kernels])
    workload = Workload(Seeded(seed), SIZES[size])
    both.step(workload.opening())
    for _ in range(25):
        workload.learn(both.step(workload.record(1 + workload.dice.below(60))))
        both.check()


def test_large_records_and_growing_tables(kernels):
    both = Comparison([make() for make in kernels])
    workload = Workload(Seeded(99), Size(accounts=300, markets=50, spread=30, administrative=20))
    both.step(workload.opening())
    for count in (3000, 1, 3000):
        workload.learn(both.step(workload.record(count)))
        both.check()


def restored(kernel) -> Kernel:
    """Another kernel that takes over by snapshot."""
    other = Kernel(threads=kernel.threads)
    other.restore(kernel.snapshot())
    return other


@pytest.mark.parametrize("size", SIZES)
def test_a_restored_kernel_goes_on_the_same(kernels, size):
    both = Comparison([make() for make in kernels])
    workload = Workload(Seeded(1234), SIZES[size])
    both.step(workload.opening())
    for _ in range(25):
        workload.learn(both.step(workload.record(1 + workload.dice.below(60))))
        both.kernels[1:] = map(restored, both.kernels[1:])
        both.check()


@pytest.mark.parametrize("sequence", [2**31 - 200, 2**32 - 200, 2**40])
def test_order_ids_of_any_length(kernels, sequence):
    both = Comparison([make() for make in kernels])
    both.kernels[0]._state.sequence = sequence
    for kernel in both.kernels[1:]:
        kernel.sequence = sequence
    workload = Workload(Seeded(7), Size(spoiled=0))
    workload.sequence = sequence
    both.step(workload.opening())
    for _ in range(15):
        workload.learn(both.step(workload.record(40)))
        both.check()


SHORT_RUN = """
import sys
from excraft.kernel import Kernel
from excraft.kernel.reference import Reference
from excraft.testing.workload import Seeded, Workload, difference
for seed in range(int(sys.argv[1])):
    workload, one, two = Workload(Seeded(seed)), Reference(), Kernel()
    record = workload.opening()
    for _ in range(8):
        events, others = one.step(record), two.step(record)
        assert not difference(record, events, others), difference(record, events, others)
        assert one.state_hash() == two.state_hash()
        assert one.owed() == two.owed()
        assert one.invariant() == two.invariant() == []
        workload.learn(events)
        record = workload.record(1 + workload.dice.below(30))
print("the same")
"""


@pytest.mark.parametrize("how", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_uncompiled_and_with_bounds_checked(how):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SHORT_RUN, "6"],
        env=os.environ | {how: "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (done.stdout.strip(), done.stderr) == ("the same", "")
