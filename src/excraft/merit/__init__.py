"""Merit: what members' trading and staking counts, pools, rounds and who has a seat.

Rules are pure functions of what the log says; see docs/merit.md.
"""
