"""Training: plan, batches, loss, checkpoints and the loop."""

import engine.models  # noqa: F401  (before any module here imports mlx: it chooses the BLAS)
