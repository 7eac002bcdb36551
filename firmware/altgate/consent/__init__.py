"""Who may be recognised: what a resident said, whether it holds at this moment, and taking it back."""
