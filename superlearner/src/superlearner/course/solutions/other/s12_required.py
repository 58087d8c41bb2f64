from otp import GenServer, Ok

# Ask the library instead of typing the names.
optional = {name for name, _ in GenServer.behaviour_info("optional_callbacks")}
required = {name for name, _ in GenServer.behaviour_info("callbacks")} - optional


class OnlyInit(GenServer):
    def init(self, arg):
        return Ok(arg)
