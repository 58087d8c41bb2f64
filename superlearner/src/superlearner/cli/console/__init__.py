"""`superlearner console`: a prompt whose functions are a platform's operations.

`calls` creates the functions, `names` names them, `values` formats answers and `failures` errors; `prompt` runs IPython
or Python's own prompt, `batch` code from `-c` or a pipe, `behind` a platform for the prompt. Code that is typed runs in
this process; only operations go to the platform.
"""
