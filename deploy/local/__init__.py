"""A real Apache Kafka and a real Valkey on this machine, in a folder of their own."""
