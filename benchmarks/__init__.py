"""Benchmarks: workloads, their floor (asyncio), their reference (Erlang/OTP).

`make bench` runs everything and writes `docs/performance.md`. Each program here also runs alone.
"""
