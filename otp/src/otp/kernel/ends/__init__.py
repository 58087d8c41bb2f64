"""Input and end of a process: mailbox, timers, death, and the reports about it."""
