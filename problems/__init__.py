"""Problems: clean images x, a blur A, noise, and the observation y = A x + n."""
