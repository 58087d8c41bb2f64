from otp import GenServer, Ok, impl

required = {"init"}
optional = {
    "handle_call",
    "handle_cast",
    "handle_info",
    "handle_continue",
    "terminate",
    "code_change",
    "format_status",
}


class OnlyInit(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)
