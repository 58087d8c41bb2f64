"""Builds a text that is costly to compare, print and hash."""

# ends: failed|signal


def boot(here):
    nested = []
    for _ in range(1_000_000):
        nested = [nested]
    print(len(repr(nested)))
