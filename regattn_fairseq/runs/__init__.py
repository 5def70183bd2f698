"""What a run is on disk: its folder, its result, its identity; and files that appear whole."""
