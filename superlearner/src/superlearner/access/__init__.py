"""Who may do what: credentials, one-time sign-in links, limits on attempts."""
