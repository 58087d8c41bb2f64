answer = {
    "the loop of ProcessAgent": "GenServer",
    "send, then receive the answer": "GenServer.cast",
    "send and go on": "GenServer.call",
    "the loop of AgentMonitor": "Supervisor",
    "policy and start arguments of an agent": "child spec",
    "AgentRegistry": "Registry",
}
