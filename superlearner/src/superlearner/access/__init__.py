"""Access control: credentials, one-time sign-in links, limits on attempts."""
