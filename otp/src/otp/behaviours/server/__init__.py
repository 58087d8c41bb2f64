"""Servers: the contracts of behaviours, GenServer and Agent."""
