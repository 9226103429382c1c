"""What runs a process: fibers, clock, stop requests, state shared between processes, background tasks."""
