"""Behaviours: GenServer, supervisors, Registry, Application, and the contracts they share. Exported by `otp`."""
