"""What is computed from a linear operator A and its adjoint, whatever the operator is."""
