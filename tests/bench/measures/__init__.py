"""What is measured: each module one kind of figure, and the parts they share."""
