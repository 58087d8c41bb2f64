"""Fails with half a letter, marks that turn writing round, and controls of terminals."""

# ends: failed
# reason: ^[^\ud800\u202e\x9b\x00\n]*$


def boot(here):
    raise ValueError("\ud800 \u202e gnp.exe \x9b2J \x00 \n second line \U000e0041")
