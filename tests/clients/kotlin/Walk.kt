/** The main job through the Kotlin client of openapi-generator. A PATCH leaves out what is null. */

import amends.apis.ConcernsApi
import amends.apis.FollowUpsApi
import amends.apis.MeApi
import amends.apis.RecoveryActionsApi
import amends.apis.SessionsApi
import amends.infrastructure.ApiClient
import amends.infrastructure.ApiResponse
import amends.infrastructure.ClientException
import amends.models.ConcernRead
import amends.models.ConcernStatus
import amends.models.EditConcern
import amends.models.FollowUpKind
import amends.models.FollowUpStatus
import amends.models.NewConcern
import amends.models.NewFollowUp
import amends.models.NewRecoveryAction
import amends.models.Outcome
import amends.models.PostedConcernCustomer
import amends.models.PutShift
import amends.models.RecoveryActionStatus
import amends.models.Resolve
import amends.models.SignIn
import java.time.OffsetDateTime
import java.util.UUID

const val STAKE = "A train to catch."
const val WORDS = "We have been waiting."

fun main(arguments: Array<String>) {
    val url = arguments[0]
    leaveOutNulls()
    val sessions = SessionsApi(url)
    val wrong = SignIn(organization = "demo", login = "floor", password = "wrong")
    check(refusal { sessions.postSessions(wrong) } == 401) { "a wrong password" }
    val session = sessions.postSessions(SignIn(organization = "demo", login = "floor", password = "demo-floor-2468"))
    ApiClient.accessToken = session.token
    val me = MeApi(url)
    val storeId = session.staff.storeIds.first()
    me.putMyShift(PutShift(storeId))
    check(me.getMyHome().shift?.storeId == storeId) { "on shift" }
    val concerns = ConcernsApi(url)
    val concern = NewConcern(2, customer = PostedConcernCustomer(phone = PHONE), theirWords = WORDS)
    val key = UUID.randomUUID().toString()
    val logged = concerns.postConcerns(concern, idempotencyKey = key)
    check(concerns.postConcerns(concern, idempotencyKey = key).id == logged.id) { "sent twice, logged once" }
    check(concerns.postTakeConcern(logged.id).status == ConcernStatus.TAKEN) { "taken" }
    val given = RecoveryActionsApi(url).postConcernRecoveryActions(logged.id, NewRecoveryAction("apology"))
    check(given.status == RecoveryActionStatus.DONE) { "done" }
    val promise = NewFollowUp(OffsetDateTime.now().plusHours(1), FollowUpKind.CALL, "Call back.")
    val promised = FollowUpsApi(url).postConcernFollowUps(logged.id, promise)
    check(promised.status == FollowUpStatus.OPEN) { "promised" }
    val answer = read(concerns, logged.id)
    val tag = checkNotNull(answer.headers.entries.first { it.key.equals("ETag", ignoreCase = true) }.value.first())
    val again = read(concerns, logged.id, tag)
    check(again.statusCode == 304) { "unchanged" }
    val before = concerns.getConcernById(logged.id)
    val after = concerns.patchConcernById(tag, logged.id, editConcern = EditConcern(stake = STAKE))
    check(after.stake == STAKE) { "changed" }
    val other = concerns.getConcernById(logged.id)
    check(other == before.copy(stake = STAKE, version = after.version, missing = after.missing)) { "one field alone" }
    val stale = refusal { concerns.patchConcernById(tag, logged.id, editConcern = EditConcern(stake = "None.")) }
    check(stale == 412) { "an old version" }
    val ended = concerns.postResolveConcern(logged.id, Resolve(Outcome.RECOVERED, moodAfter = 4))
    check(ended.status == ConcernStatus.RESOLVED) { "resolved" }
    val first = concerns.getConcerns(limit = 1)
    check(concerns.getConcerns(limit = 1, cursor = first.nextCursor).items.first() != first.items.first()) { "pages" }
    sessions.deleteCurrentSession()
    println(logged.id)
}

/** Read a concern with the status and headers of the answer. */
fun read(concerns: ConcernsApi, id: UUID, ifNoneMatch: String? = null): ApiResponse<ConcernRead?> =
    concerns.getConcernByIdWithHttpInfo(
        id,
        include = null,
        acceptLanguage = null,
        xRequestId = null,
        xAppVersion = null,
        ifNoneMatch = ifNoneMatch,
    )

/** Return the status of a refusal; null where nothing is refused. */
fun refusal(request: () -> Any): Int? =
    try {
        request()
        null
    } catch (exception: ClientException) {
        exception.statusCode
    }
