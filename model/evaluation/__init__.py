"""What a network is worth: folds, out-of-fold predictions, metrics with intervals, tables and plots."""
