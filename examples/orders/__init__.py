"""A service that takes orders and charges for them: FastAPI, PostgreSQL, Redis, and an `otp` tree behind it."""
