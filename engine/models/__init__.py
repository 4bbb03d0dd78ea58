"""Base models: where they come from, how they are loaded, decoded and kept on one thread.

Importing this package accelerates MLX before anything in it can import MLX, because Python runs these
lines before any module of the package. A package whose modules import ``mlx`` or ``mlx_lm`` themselves
must therefore say ``import engine.models`` in its own ``__init__``; everybody else reaches MLX only
through the modules here. Nothing heavy is imported by this line: on a Mac it does nothing.
"""

from engine.models.acceleration import accelerate

accelerate()
