"""A process that owns the jobs and survives the terminal, and the client that screens reach it through."""
