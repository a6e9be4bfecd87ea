"""The dataset: what merit found out about a day, on disk, for our own arithmetic and for anybody.

Tables as CSV (what is hashed) and Parquet (the same rows), one folder a day and one a round. The
columns are those of docs/decisions/0008-merit-and-rounds.md; `tables.py` has them as types.
"""
