"""Acts of staff, their roles, and acts that wait for a second pair of eyes."""
