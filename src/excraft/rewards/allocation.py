"""Sharing a whole number out by weights so that the parts add up to it exactly."""

from collections.abc import Sequence


def largest_remainder(total: int, weights: Sequence[int]) -> list[int] | None:
    """Parts of `total` in proportion to `weights`, in their order; None when all weights are 0.

    Everybody gets ``total x weight // sum``. What is left goes one unit each to the largest
    remainders, the earlier of two equal ones first; so the order of `weights` is that of the ids.
    A weight of 0 gets 0. Raises ValueError when a number is negative.
    """
    if total < 0 or min(weights, default=0) < 0:
        raise ValueError(f"neither the total {total} nor a weight may be negative")
    whole = sum(weights)
    if whole == 0:
        return None
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    if left:
        remainders = [total * weight % whole for weight in weights]
        # a stable sort keeps equal remainders in the order of the ids; a remainder above 0 has a
        # weight above 0, and there are more of those than units left
        first = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)[:left]
        for at in first:
            parts[at] += 1
    return parts
