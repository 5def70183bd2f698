"""What a trained model makes of text, and what its attention says."""
