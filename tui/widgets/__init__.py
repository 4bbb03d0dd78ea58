"""What the screens are made of. Each widget draws plain values it is given, and knows no host."""
