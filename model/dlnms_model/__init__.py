"""Builds DLNMS model bundles: seeded weights, or the export of one's own checkpoint. Research use only."""

__version__ = "0.1.0"
