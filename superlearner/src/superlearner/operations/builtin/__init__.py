"""The operations of the platform, by category, and their shared helpers. The registry reads every module here."""
