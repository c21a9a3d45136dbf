"""Import every module that defines tables, so that the metadata and the mapper registry are complete."""

import models.alerts.alert
import models.alerts.escalation_policy
import models.alerts.notification
import models.alerts.rule
import models.concerns.check
import models.concerns.concern
import models.concerns.concern_item
import models.concerns.event
import models.customers.customer
import models.customers.external_id
import models.daily_log.daily_log
import models.daily_log.day_end
import models.db.change_feed
import models.db.dirty_days
import models.db.epoch
import models.db.idempotency
import models.db.rate_limit_counter
import models.operations.merge_customers
import models.organizations.catalogue_item
import models.organizations.organization
import models.organizations.slug_alias
import models.organizations.store
import models.organizations.store_day
import models.organizations.store_group
import models.organizations.vocabulary
import models.organizations.vocabulary_merge
import models.outbox.heartbeat
import models.outbox.message
import models.outbox.metric_counter
import models.outbox.watchdog_run
import models.recovery.action
import models.recovery.feedback_request
import models.recovery.fix
import models.recovery.follow_up
import models.recovery.order
import models.recovery.qr_code
import models.recovery.remedy
import models.reports.rollups.tables
import models.staff.credentials.api_key
import models.staff.credentials.invitation
import models.staff.credentials.second_factor
import models.staff.credentials.staff_session
import models.staff.device
import models.staff.enrolment
import models.staff.shift
import models.staff.staff
from models.db.base import Base

metadata = Base.metadata
