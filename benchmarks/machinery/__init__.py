"""What the studies share: methods, settings, runs and tables."""
