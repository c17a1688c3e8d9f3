"""The contract of a gradient method: the checks that both `bench check` and the tests run."""
