"""What acts: one file a role, the worker that wires them, the command line."""
