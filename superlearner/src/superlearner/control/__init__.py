"""Reading and steering a node: what the page, the routes and the command line do, in one place."""
