"""The old name of `superlearner.operations`, for packages that add operations."""
