"""What can be set: the configuration, the command line, and which of fairseq's options act."""
