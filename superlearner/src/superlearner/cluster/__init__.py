"""The cluster of a data directory: its cookie, its discovery, and the members that a platform observes."""
