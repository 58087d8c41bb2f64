"""What explains the platform: tours and the manual."""
