"""The doctor: looks at the machine, the workspace and every adapter, and says what to do about what it finds.

It trains and generates nothing: what it knows of an adapter's texts it reads from report cards, rewrites and journals.
"""
