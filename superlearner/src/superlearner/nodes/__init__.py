"""The list of nodes, and the links from the platform to them."""
