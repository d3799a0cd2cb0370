"""Training: the encoder (extra ``train``), and the ranker from judgements and outcomes."""
