"""Teaching material: tours and the manual."""
