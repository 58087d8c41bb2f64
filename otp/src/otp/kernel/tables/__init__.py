"""Tables of a node: the run queue, names, callers, child tasks, what processes opened, subscriptions and events."""
