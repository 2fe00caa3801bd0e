"""Rate limits, counted in the database, so that they hold across processes and machines."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import String, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.database import Base, moment


class RateCount(Base):
    """How often something was done in one window of time."""

    __tablename__ = "rate_counts"

    what: Mapped[str] = mapped_column(String(100), primary_key=True)
    window: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
    forget_at: Mapped[datetime]


def is_over(db: Session, what: str, limit: int, per: timedelta) -> bool:
    """Count one more, and whether that is more than `limit` in this window. One statement, so that no two count as one."""
    now = moment(db)
    window = datetime.fromtimestamp(now.timestamp() // per.total_seconds() * per.total_seconds(), now.tzinfo)
    builder = postgresql if db.get_bind().dialect.name == "postgresql" else sqlite
    counted = builder.insert(RateCount).values(what=what, window=window, count=1, forget_at=window + per)
    one_more = counted.on_conflict_do_update(
        index_elements=[RateCount.what, RateCount.window], set_={"count": RateCount.count + 1}
    )
    count: int = db.execute(one_more.returning(RateCount.count)).scalar_one()
    if count == 1:  # a new window: the old ones are over
        db.execute(delete(RateCount).where(RateCount.forget_at <= now))
    return count > limit
