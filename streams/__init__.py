"""What carries: settings, topics, step, files, policy, cache, recovery, dead letters, metrics, web."""
