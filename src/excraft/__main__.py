"""`python -m excraft` is `excraft`."""

from excraft.cli.app import main

main()
