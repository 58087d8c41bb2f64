"""`python -m superlearner`."""

from superlearner.cli import main

main()
