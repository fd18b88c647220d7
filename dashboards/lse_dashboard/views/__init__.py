"""The parts of the page, each bound to a session."""
