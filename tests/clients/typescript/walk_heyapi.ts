/** The main job through @hey-api/openapi-ts. */

import { check, differences, present } from "./checks.js";
import { client } from "./heyapi/client.gen.js";
import {
  deleteCurrentSession,
  getConcernById,
  getConcerns,
  patchConcernById,
  postConcernFollowUps,
  postConcernRecoveryActions,
  postConcerns,
  postResolveConcern,
  postSessions,
  postTakeConcern,
  putMyShift,
} from "./heyapi/sdk.gen.js";

client.setConfig({ baseUrl: present(process.argv[2], "the address of the API") });
const signIn = await postSessions({ body: { organization: "demo", login: "floor", password: "demo-floor-2468" } });
const session = present(signIn.data, "signed in");
client.setConfig({ auth: session.token });
await putMyShift({ body: { store_id: present(session.staff.store_ids[0], "a store") } });
const request = {
  body: { mood: 2, their_words: "We have been waiting.", customer: { phone: "912 345 679" } },
  headers: { "Idempotency-Key": crypto.randomUUID() },
};
const logged = present((await postConcerns(request)).data, "logged");
check((await postConcerns(request)).data?.id === logged.id, "sent twice, logged once");
const path = { concern_id: logged.id };
check((await postTakeConcern({ path })).data?.status === "taken", "taken");
check((await postConcernRecoveryActions({ path, body: { remedy: "apology" } })).data?.status === "done", "done");
const due_at = new Date(Date.now() + 3_600_000).toISOString();
const promise = await postConcernFollowUps({ path, body: { what: "Call back.", kind: "call", due_at } });
check(promise.data?.status === "open", "promised");
const read = await getConcernById({ path });
const before = present(read.data, "read");
const tag = present(read.response.headers.get("ETag") ?? undefined, "an ETag");
const unchanged = await getConcernById({ path, headers: { "If-None-Match": tag } });
check(unchanged.response.status === 304, "unchanged");
const headers = { "If-Match": tag };
const patched = await patchConcernById({ path, headers, body: { stake: "A train to catch." } });
const changed = differences(before, present(patched.data, "patched"));
check(changed.join() === "stake", `one field changed: ${changed.join()}`);
const refused = await patchConcernById({ path, headers, body: { stake: "None." } });
check(refused.error?.status === 412, "an old version is told as such");
const resolved = await postResolveConcern({ path, body: { outcome: "recovered", mood_after: 4 } });
check(resolved.data?.status === "resolved", "resolved");
const first = present((await getConcerns({ query: { limit: 1 } })).data, "a page");
const next = present((await getConcerns({ query: { limit: 1, cursor: first.next_cursor ?? undefined } })).data, "next");
check(first.items[0]?.id !== next.items[0]?.id, "another page");
check((await deleteCurrentSession()).response.status === 204, "signed out");
console.log(logged.id);
