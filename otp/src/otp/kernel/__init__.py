"""The kernel: processes, signals, mailboxes, calls and the run queue that drives them.

Behaviours are built on it, and programs use the names that `otp` exports. Four layers, each importing only lower ones:
`steps`, what a process does, on `ends`, what arrives at it and ends it, on `tables`, what a node keeps, on `values`.
Public names are those without underscore; `otp` exports what programs use.
"""
