"""Rewriting: neutral text, noise, persona prompt, decoding and verification, all by the adapter's recipe."""
