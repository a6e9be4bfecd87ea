"""The trading API that spot clients know: parameters, requests as plain functions, replies."""
