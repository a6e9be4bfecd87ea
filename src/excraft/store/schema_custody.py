"""Deposit addresses, deposits and blocks seen on a chain."""
