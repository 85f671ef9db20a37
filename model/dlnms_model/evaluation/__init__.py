"""Evaluates scores against an outcome: `python -m dlnms_model evaluate`. Needs the extra `evaluate`."""
