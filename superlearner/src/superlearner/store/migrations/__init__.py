"""The steps from one schema to the next; each is applied once, in one transaction, when the platform starts."""
