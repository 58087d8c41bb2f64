"""State machines: GenStateMachine, its results and its timers."""
