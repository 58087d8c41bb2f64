"""The rights of users: roles, scopes, tokens, owners, quotas, and access to what operations name."""
