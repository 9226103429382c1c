"""Process runtime: fibers, clock, stop requests, state shared between processes, background tasks."""
