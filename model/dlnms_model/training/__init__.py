"""Trains a network on a prepared cohort. Needs PyTorch, which nothing else of this package needs."""
