import otp


async def helper(worker, boss):
    # Has one worker at a time, and one task at a time.
    while True:
        pid, monitor = otp.spawn_monitor(worker)
        otp.link(pid)
        otp.process_flag("trap_exit", True)
        await serve(pid, monitor, boss)


async def serve(pid, monitor, boss):
    while True:
        match await otp.receive():
            case ("do", place, payload):
                ref = otp.make_ref()
                otp.send(pid, ("work", payload, otp.self(), ref))
                match await otp.receive(end_of_task(ref, monitor)):
                    case otp.Down():
                        otp.send(boss, ("lost", otp.self(), place))
                        return
                    case (_, result):
                        otp.send(boss, ("done", otp.self(), place, result))
            case otp.Down(ref) if ref == monitor:
                return


def end_of_task(ref, monitor):
    def fits(message):
        match message:
            case otp.Down(ref=ended):
                return ended == monitor
            case (answered, _):
                return answered == ref
        return False

    return fits


async def coordinator(worker, n):
    helpers = [otp.spawn(helper, worker, otp.self()) for _ in range(n)]
    while True:
        match await otp.receive():
            case ("run", payloads, from_, ref):
                idle, todo, results = list(helpers), list(enumerate(payloads)), {}
                while len(results) < len(payloads):
                    while idle and todo:
                        otp.send(idle.pop(), ("do", *todo.pop(0)))
                    match await otp.receive(about_a_task):
                        case ("done", pid, place, result):
                            results[place] = result
                            idle.append(pid)
                        case ("lost", pid, place):
                            todo.append((place, payloads[place]))
                            idle.append(pid)
                otp.send(from_, (ref, tuple(result for _, result in sorted(results.items()))))
            case "stop":
                for pid in helpers:
                    otp.exit(pid, "kill")
                return


def about_a_task(message):
    return isinstance(message, tuple) and message[:1] in (("done",), ("lost",))
