"""What we are measured against: the same work in hand-written loops and in other frameworks."""
