"""Training: the embedded encoder from parallel text. Needs the extra ``train``."""
