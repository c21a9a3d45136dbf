"""Staff: people, shifts, devices and the credentials they sign in with."""
