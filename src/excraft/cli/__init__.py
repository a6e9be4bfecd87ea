"""The command line: what an operator types, and the wiring of one process."""
