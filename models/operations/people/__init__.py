"""Use cases of people and their phones: hire, move and let go, codes and passwords, phones that change hands."""
