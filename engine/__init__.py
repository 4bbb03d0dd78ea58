"""Everything Stylora does with text and models. Knows no screen, no command line and never prints."""
