"""Whether it works, measured: the report card of an adapter, and the doctor for the machine and the workspace."""
