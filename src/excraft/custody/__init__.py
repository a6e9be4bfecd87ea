"""Coins that come from a chain: whose address it is, and when what arrived is credited."""
