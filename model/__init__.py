"""What thinks: readers, encoders, imputer, fusion, circuit, heads, doubt, training, cohorts. No Kafka, no network."""
