"""Every story is played on each kernel there is."""

import pytest

from excraft.kernel import Kernel
from excraft.kernel.reference import Reference

KERNELS = {"reference": Reference, "compiled": Kernel}


@pytest.fixture(params=KERNELS)
def kernel(request):
    return KERNELS[request.param]()
