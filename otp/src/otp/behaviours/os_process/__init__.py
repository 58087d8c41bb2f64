"""Programs of the operating system as processes."""
