"""Options: the configuration, the command line, and which of fairseq's options have an effect."""
