"""Text to tokens to a data-bin."""
