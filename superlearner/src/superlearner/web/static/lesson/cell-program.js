/**
 * A cell of a lesson as a program of the Playground, which starts a class `Main`.
 *
 * @module
 */

const OWN_MAIN = /^class (?:Main\b|\w+\((?:otp\.)?(?:Supervisor|Application)\b)/m;

/** Return the source for the Playground: a tree of the cell's own as it is, else a process that runs the cell. @param {string} code */
export function programOf(code) {
  if (OWN_MAIN.test(code)) return code;
  const inside = code.trimEnd().split("\n").map((line) => (line ? `    ${line}` : line)).join("\n");
  return `from otp import Children, Continue, GenServer, NoReply, Ok, Supervisor, impl


async def cell():
${inside}


class Cell(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg, then=Continue("run"))

    @impl
    async def handle_continue(self, request, state):
        await cell()  # what it prints is in the tab Output
        return NoReply(state)


class Main(Supervisor):
    @impl
    def init(self, arg):
        return Children([Cell.child_spec(None, id="cell")], strategy="one_for_one")
`;
}
