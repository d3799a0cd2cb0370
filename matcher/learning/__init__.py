"""Training: the static encoder from parallel text. Needs the extra ``train``."""
