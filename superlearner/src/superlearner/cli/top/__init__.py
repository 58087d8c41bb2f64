"""`superlearner top`: who works, how much, and where messages pile up, drawn anew every two seconds.

`figures` makes rows of what the platform answers, `asking` asks it, `drawing` draws, `screen` is the terminal with its
keys, `stream` what is written where nobody presses keys.
"""
