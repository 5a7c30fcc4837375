"""A run's pictures in motion: see `python -m tf1gan.replay --help`."""
