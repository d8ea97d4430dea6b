class SimulationError(ValueError):
    """A night that cannot be simulated as asked; the message is one sentence for the person who asked."""
