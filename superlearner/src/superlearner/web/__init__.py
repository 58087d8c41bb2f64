"""The web interface: guard, routes, pages and the live feed."""
