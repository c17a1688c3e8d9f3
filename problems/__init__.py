"""Problems: clean images x, a blur A, noise n, and the observation y = A x + n."""
