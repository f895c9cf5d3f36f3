"""What a model says at each step of one sequence, and what its gates kept: one file a task."""
