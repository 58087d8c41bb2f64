"""What the library costs: workloads, their floor (asyncio), their measure (Erlang/OTP), and the report on them.

`make bench` runs everything and writes `docs/performance.md`. Each program here also runs alone.
"""
