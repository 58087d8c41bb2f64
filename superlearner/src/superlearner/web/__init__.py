"""The web side: guard, routes, pages and the live feed, served by a supervised process."""
