"""One module and one style sheet a screen. Screens show what the survey and the journals say, and start jobs."""
