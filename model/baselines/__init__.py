"""What the network must beat: plain survival models on the very columns that its linear road reads."""
