"""The kernel: processes, signals, mailboxes, calls and the run queue that drives them.

Nothing here knows a behaviour; nothing here is imported by people directly. The public names are exported by
`otp`. Layers, lower first: `reasons errors messages patterns states` · `pids process` · `scheduler tracing` ·
`mailbox calls` · `death signals` · `callbacks resume drain` · `starting names timers info` · `node program`.
"""
