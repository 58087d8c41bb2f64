"""Access control: credentials and one-time sign-in links."""
