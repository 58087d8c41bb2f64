import otp

DIAGNOSIS = "P1"


async def agent_monitor(policy="transient", delay=0):
    agents = {}

    def needs_restart(reason):
        if policy == "transient":
            return not (reason in ("normal", "shutdown") or (type(reason) is tuple and reason[0] == "shutdown"))
        return policy == "always"

    def run(agent):
        agent["pid"], agent["ref"] = otp.spawn_monitor(agent["fn"], *agent["args"])

    async def stop(agent):
        if agent["pid"] is None:
            otp.cancel_timer(agent["ref"])
        else:
            otp.demonitor(agent["ref"], flush=True)
            otp.exit(agent["pid"], "shutdown")
            await otp.wait_down(agent["pid"])

    def handle_request(tag, name):
        if tag == "status" and name in agents:
            return "ok", agents[name]["pid"], agents[name]["restarts"]
        return "error", "not_found"

    def named(ref):
        return next((name for name, agent in agents.items() if agent["ref"] == ref), None)

    while True:
        match await otp.receive():
            case "stop":
                while agents:
                    _, agent = agents.popitem()
                    await stop(agent)
                break
            case ("start_agent", name, fn, args, from_, ref):
                if name in agents:
                    otp.send(from_, (ref, ("error", "already_exists")))
                    continue
                agents[name] = {"fn": fn, "args": args, "restarts": 0}
                run(agents[name])
                otp.send(from_, (ref, ("ok", agents[name]["pid"])))
            case ("stop_agent", name, from_, ref) if name in agents:
                await stop(agents.pop(name))
                otp.send(from_, (ref, "ok"))
            case ("status" | "stop_agent" as tag, name, from_, ref):
                otp.send(from_, (ref, handle_request(tag, name)))
            case ("list", from_, ref):
                otp.send(from_, (ref, tuple((name, agents[name]["pid"]) for name in sorted(agents))))
            case otp.Down(ref=ref, reason=reason):
                name = named(ref)
                if name is None:
                    continue
                if not needs_restart(reason):
                    agents.pop(name)
                    continue
                agents[name]["pid"] = None
                agents[name]["ref"] = otp.start_timer(delay, otp.self(), "again")
            case otp.TimerFired(ref=ref):
                name = named(ref)
                if name is not None:
                    agents[name]["restarts"] += 1
                    run(agents[name])
