"""Fails with an exception whose name and place are a megabyte long."""

# ends: failed
# reason: could not start: .*x{200}


def boot(here):
    code = compile("def f(error):\n raise error", "/peer/" + "y" * 1_000_000, "exec")
    names = {}
    exec(code, names)
    names["f"](type("x" * 1_000_000, (Exception,), {})("z" * 1_000_000))
