"""A market to look at: assets, members and bots that trade through the public API."""
