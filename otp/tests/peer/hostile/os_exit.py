"""Ends the interpreter at once."""

# ends: exit
# reason: ended the interpreter with os\._exit\(3\)

import os

os._exit(3)
