"""What `bench new` fills in."""
