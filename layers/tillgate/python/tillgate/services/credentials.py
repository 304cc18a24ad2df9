"""With what a source's vendor is asked for the objects that its events only name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.destination_address import destination_flaw
from tillgate.domain.enrichment import API_URLS, credential_seal_context
from tillgate.domain.errors import Fault, InvalidRequestError, NotFoundError
from tillgate.domain.tenant import SourceId
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from tillgate.domain.administration import SourceRecord
    from tillgate.domain.operator_ports import CredentialStore
    from tillgate.domain.ports import AdminStore, SecretBox

NO_CREDENTIAL = "There is no such source, or it has no credential."
_NOTHING_TO_FETCH = (
    "cannot be used: the events of a source of {provider} hold what happened, so nothing is"
    " fetched for them; only those of {enriched} name it alone"
)


class Credentials:
    """One for each source, or none; all raise StoreUnavailableError.

    The source's id comes as the caller wrote it: NotFoundError for what is no id, or nobody's.
    ``allow_private`` lets plain http and addresses that are not public through.
    """

    def __init__(
        self, store: CredentialStore, *, sources: AdminStore, box: SecretBox, allow_private: bool
    ) -> None:
        self._store = store
        self._sources = sources
        self._box = box
        self._allow_private = allow_private

    def set_credential(self, source_id: str, *, token: str, api_url: str | None) -> SourceRecord:
        """Ask the source's vendor with this token from now on; give the source. Idempotent.

        Without ``api_url`` the address stays as it was, or is the provider's first. Raises
        InvalidRequestError for a provider of which nothing is fetched, and for an address that
        is not to be called.
        """
        source = self._source(source_id)
        first = API_URLS.get(source.provider)
        if first is None:
            sentence = _NOTHING_TO_FETCH.format(
                provider=source.provider, enriched=", ".join(API_URLS)
            )
            raise InvalidRequestError([Fault("", sentence)])
        if api_url is None:
            api_url = first if source.credential is None else source.credential.api_url
        flaw = destination_flaw(api_url, allow_private=self._allow_private)
        if flaw is not None:
            raise InvalidRequestError([Fault("/api_url", flaw)])
        context = credential_seal_context(source.source_id, tenant_id=source.tenant_id)
        sealed = self._box.seal(token.encode(), context=context)
        if not self._store.set_credential(source.source_id, api_url=api_url, sealed_token=sealed):
            raise NotFoundError(NO_CREDENTIAL)
        return self._source(source_id)

    def remove_credential(self, source_id: str) -> SourceRecord:
        """Fetch nothing more for the source's events; give the source as it was before."""
        source = self._source(source_id)
        if not self._store.remove_credential(source.source_id):
            raise NotFoundError(NO_CREDENTIAL)
        return source

    def _source(self, source_id: str) -> SourceRecord:
        found = self._sources.source(SourceId(uuid_or_not_found(source_id, of="source")))
        if found is None:
            raise NotFoundError("There is no such source.")
        return found
