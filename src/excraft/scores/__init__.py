"""What counts: PoE of fills, stake over time, who ranks before whom.

Pure arithmetic that merit and rewards both need; services do not import each other.
"""
