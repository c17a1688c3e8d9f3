"""What every gradient method has to keep to; `bench check` and the tests run exactly these."""
