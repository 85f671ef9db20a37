"""A cohort: its file, the planes of its studies made through the library, and what has to be known before anything is trained on it."""
