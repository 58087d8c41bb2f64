"""Loops for ever when it is imported."""

# ends: held
# limits: hold_s=1.2
# reason: its loop is held at hostile\.py:\d+ <module>

while True:
    pass
