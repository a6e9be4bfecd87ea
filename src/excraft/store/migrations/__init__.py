"""Alembic migrations, run by `Database.migrate` at start; there is no alembic.ini to find."""
