"""What a process shares between all that runs in it, and how to see that it was left alone."""
