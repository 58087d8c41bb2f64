"""The operations of the platform, by category, and what they share. The registry reads every module here."""
