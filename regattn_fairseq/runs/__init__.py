"""Runs on disk: their folders, results and identities, and files that are written atomically."""
