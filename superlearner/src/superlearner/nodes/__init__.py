"""Which nodes there are, and how a platform reaches them."""
