"""Open one file format each and yield its content piece by piece; refuse what cannot be read."""
