from otp import GenServer, Ok, Reply, impl


class Till(GenServer):
    vsn = 1

    @impl
    def init(self, customers):
        return Ok(customers)

    @impl
    def handle_call(self, request, caller, customers):
        match request:
            case "customers":
                return Reply(customers, customers)
            case ("sold", price):
                return Reply("ok", customers + 1)
