"""The soak of the example service: real programs, load, faults, and a check of every promise at the end."""
