"""Options of `clinical` and its commands."""


def add(sub):
    """Adds the options of `clinical`."""


def run(a, say):
    """Runs a command of `clinical`."""
