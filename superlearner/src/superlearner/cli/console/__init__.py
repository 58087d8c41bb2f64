"""`superlearner console`: a prompt whose names are the operations of a running platform.

`calls` makes functions of the operations, `names` says what they are called, `values` is how answers read, `failures`
how errors do; `prompt` runs IPython or Python's own prompt, `batch` what was given with `-c` or piped in, `behind` a
platform behind the prompt. What is typed is evaluated in this process; only operations go to the platform.
"""
