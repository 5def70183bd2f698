"""What training needs besides fairseq's own: checkpoints, trackers, several processes."""
