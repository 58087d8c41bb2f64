import otp
from otp import Children, GenServer, Ok, Reply, Stop, Supervisor, impl


class Source(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)


class Sink(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):
        # It looks the source up whenever it is asked, so it need not restart with it.
        return Reply(otp.whereis("source"), state)


class Job(GenServer):
    @impl
    def init(self, log):
        otp.send(log, "job started")
        otp.send_after(1, otp.self(), "done")
        return Ok(log)

    @impl
    def handle_info(self, message, log):
        return Stop("normal", log)


class Part(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)


class TreeA(Supervisor):
    @impl
    def init(self, arg):
        source = Source.child_spec(None, id="source", name="source")
        return Children([source, Sink.child_spec(None, id="sink")])


class TreeB(Supervisor):
    @impl
    def init(self, arg):
        return Children([Part.child_spec(None, id=id, name=f"part {id}") for id in "abc"])


class TreeC(Supervisor):
    @impl
    def init(self, log):
        clock = Part.child_spec(None, id="clock", name="big clock")
        return Children([clock, Job.child_spec(log, id="job", restart="transient")])
