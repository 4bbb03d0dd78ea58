"""What people see of Stylora: the command line and the terminal app."""
