"""Steps of a process: calls, callbacks, signals and starts, the drain that runs it, and the node around it."""
