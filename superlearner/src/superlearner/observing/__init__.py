"""What happens on a node: events, restarts, figures, messages, logs."""
