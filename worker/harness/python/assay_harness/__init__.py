"""The parts of the Python harness. A warm server imports them once and forks; nothing here keeps state
between tasks."""
