"""Values: pids, the record of a process, messages, results, exit reasons, errors, texts of any value."""
