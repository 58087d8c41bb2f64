"""`superlearner top`: active processes and full mailboxes, refreshed regularly.

`figures` turns the platform's answers into rows, `asking` requests them, `drawing` draws, `screen` handles the terminal
and its keys, `stream` writes output without a terminal.
"""
