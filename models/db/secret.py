"""Secrets that are shown once: their digest is stored, and no later answer can hold them."""


class HasSecret:
    """Mixin of tables whose rows come with a secret, such as the token of an API key.

    The verb that makes a secret stores its digest and calls `show_secret`. The text stays on this object and never
    reaches the database: an object that is loaded, as for a replay (see `api.web.idempotency`), has none.
    """

    @property
    def secret(self) -> str | None:
        """The secret, if this very object was given it; None on an object that was loaded."""
        secret: str | None = self.__dict__.get("_secret")
        return secret

    def show_secret(self, secret: str) -> None:
        """Show the secret in the answer to this request."""
        self.__dict__["_secret"] = secret
