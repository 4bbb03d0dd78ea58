"""From a curated corpus to training pairs: neutral text in, the author's text out."""
