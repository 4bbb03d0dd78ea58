"""What can be said of a text in numbers: style, meaning, facts, degeneration."""
