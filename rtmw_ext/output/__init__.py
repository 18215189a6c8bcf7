"""Results as files and pictures; no torch."""
