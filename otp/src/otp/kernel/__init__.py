"""The kernel: processes, signals, mailboxes, calls and the run queue that drives them.

Behaviours are built on it, and programs use the names that `otp` exports. Layers, lower first: `reasons errors messages
patterns states` · `pids process` · `scheduler tracing` · `mailbox calls` · `death signals` · `callbacks resume drain` ·
`starting names timers info` · `node`.
"""
