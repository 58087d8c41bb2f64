"""The operations of the platform, a module for each category. Every module here is read by the registry."""
