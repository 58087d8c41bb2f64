"""Tasks: work in processes of its own, awaited, streamed or supervised."""
