"""What Tillgate bears, and where it breaks first: a model that can be run, and its check."""
