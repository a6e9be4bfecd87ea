"""The doors: parse, authenticate, limit, hand to the engine, answer."""
