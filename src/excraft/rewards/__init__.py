"""Rewards of a day: emission, its three parts, who gets how much, and the tree to claim by.

Only whole numbers, here EXT in 10^-18; nothing reads a clock or a file. See docs/merit.md.
"""
