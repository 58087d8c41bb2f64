answer = {
    "the loop of ProcessAgent": "GenServer",
    "send, then receive the answer": "GenServer.call",
    "send and go on": "GenServer.cast",
    "the loop of AgentMonitor": "Supervisor",
    "policy and start arguments of an agent": "child spec",
    "AgentRegistry": "Registry",
}
