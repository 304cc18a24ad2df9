"""The peer's tables and session, as SQLAlchemy 2's and FastAPI's tutorials lay them out."""

import datetime as dt
import os
import uuid
from collections.abc import Iterator
from functools import cache

from sqlalchemy import DateTime, Engine, ForeignKey, LargeBinary, Text, create_engine, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.peers.fastapi_peer.threads import blocking


class Base(DeclarativeBase):
    pass


class Tenant(Base):
    __tablename__ = "peer_tenant"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]


class ApiToken(Base):
    __tablename__ = "peer_api_token"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    tenant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("peer_tenant.id"))


class Event(Base):
    __tablename__ = "peer_event"

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    type: Mapped[str]
    data: Mapped[dict] = mapped_column(JSONB)
    occurred_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    entity_id: Mapped[str | None]
    entity_version: Mapped[int | None]
    received_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    stored_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )


@cache
def engine() -> Engine:
    url = os.environ["PEER_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    # One request at a time in a sandbox, so one connection; statements are prepared at once.
    return create_engine(url, pool_size=1, max_overflow=0, connect_args={"prepare_threshold": 0})


@blocking
def get_session() -> Iterator[Session]:
    with Session(engine(), expire_on_commit=False) as session:
        yield session
