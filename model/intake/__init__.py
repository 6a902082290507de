"""Turn one input message into the evidence it carries, for the stream and for training alike."""
