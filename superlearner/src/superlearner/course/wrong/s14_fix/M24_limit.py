import otp
from otp import Children, GenServer, Ok, Reply, Stop, Supervisor, impl


class Source(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)


class Sink(GenServer):
    @impl
    def init(self, arg):
        return Ok(otp.whereis("source"))

    @impl
    def handle_call(self, request, caller, source):
        return Reply(source, source)


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
        return Children([source, Sink.child_spec(None, id="sink")], strategy="rest_for_one")


class TreeB(Supervisor):
    @impl
    def init(self, arg):
        return Children([Part.child_spec(None, id=id) for id in "abc"], strategy="one_for_one")


class TreeC(Supervisor):
    @impl
    def init(self, log):
        clock = Part.child_spec(None, id="clock")
        return Children([clock, Job.child_spec(log, id="job")], strategy="one_for_one", max_restarts=100, max_seconds=5)
