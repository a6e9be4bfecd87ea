"""ExCraft: a cryptocurrency exchange that its users govern."""

__version__ = "0.1.0"
