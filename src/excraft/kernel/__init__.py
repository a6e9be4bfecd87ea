"""The exchange as a pure function: integers and arrays, no clock, no input, no chance."""

from excraft.kernel.kernel import Kernel

__all__ = ["Kernel"]
