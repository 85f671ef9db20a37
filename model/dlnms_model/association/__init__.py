"""What scores go with: texture features of the lesion, and gene sets."""
