"""The signer: a process of its own that has the keys and obeys the log, within its own caps."""
