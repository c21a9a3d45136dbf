/** The main job through openapi-typescript and openapi-fetch. */

import createClient from "openapi-fetch";
import { check, differences, json, present } from "./checks.js";
import type { paths } from "./schema.js";

const baseUrl = present(process.argv[2], "the address of the API");
const client = createClient<paths>({ baseUrl });

const wrong = await client.POST("/v1/sessions", { body: { organization: "demo", login: "floor", password: "wrong" } });
check(wrong.error?.code === "wrong-sign-in", "a wrong password is told as such");
const signIn = await client.POST("/v1/sessions", {
  body: { organization: "demo", login: "floor", password: "demo-floor-2468" },
});
const session = present(signIn.data, "signed in");
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${session.token}`);
    return request;
  },
});
const storeId = present(session.staff.store_ids[0], "a store");
await client.PUT("/v1/me/shift", { body: { store_id: storeId } });
const home = present((await client.GET("/v1/me/home")).data, "home");
check(home.shift?.store_id === storeId, "on shift");
const header = { "Idempotency-Key": crypto.randomUUID() };
const body = { mood: 2, their_words: "We have been waiting.", customer: { phone: "912 345 678" } };
const logged = present((await client.POST("/v1/concerns", { params: { header }, body })).data, "logged");
const repeated = await client.POST("/v1/concerns", { params: { header }, body });
check(repeated.data?.id === logged.id, "sent twice, logged once");
check(logged.customer_name?.confirmed === true, "a customer by phone number alone");
const params = { path: { concern_id: logged.id } };
check((await client.POST("/v1/concerns/{concern_id}/take", { params })).data?.status === "taken", "taken");
const action = await client.POST("/v1/concerns/{concern_id}/recovery-actions", { params, body: { remedy: "apology" } });
check(action.data?.status === "done", "done");
const due_at = new Date(Date.now() + 3_600_000).toISOString();
const promise = await client.POST("/v1/concerns/{concern_id}/follow-ups", {
  params,
  body: { what: "Call back.", kind: "call", due_at },
});
check(promise.data?.status === "open", "promised");
const read = await client.GET("/v1/concerns/{concern_id}", { params });
const before = present(read.data, "read");
const tag = present(read.response.headers.get("ETag") ?? undefined, "an ETag");
const unchanged = await client.GET("/v1/concerns/{concern_id}", {
  params: { ...params, header: { "If-None-Match": tag } },
});
check(unchanged.response.status === 304, "unchanged");
const patched = await client.PATCH("/v1/concerns/{concern_id}", {
  params: { ...params, header: { "If-Match": tag } },
  body: { stake: "A train to catch." },
});
const changed = differences(before, present(patched.data, "patched"));
check(changed.join() === "stake", `one field changed: ${changed.join()}`);
const refused = await client.PATCH("/v1/concerns/{concern_id}", {
  params: { ...params, header: { "If-Match": "*" } },
  body: { category: "no-such-category" },
});
check(refused.error?.errors?.[0]?.pointer === "/category", "refused with a reason");
check(refused.error?.status === 422, "what is named is not there");
const resolved = await client.POST("/v1/concerns/{concern_id}/resolve", {
  params,
  body: { outcome: "recovered", mood_after: 4 },
});
check(resolved.data?.status === "resolved", "resolved");
let cursor: string | undefined;
const seen = new Set<string>();
for (let page = 0; page < 3; page += 1) {
  const list = json((await client.GET("/v1/concerns", { params: { query: { limit: 1, cursor } } })).data);
  list.items.forEach((concern) => seen.add(concern.id));
  cursor = list.next_cursor ?? undefined;
}
check(seen.size === 3, "three pages of one");
check((await client.DELETE("/v1/sessions/current")).response.status === 204, "signed out");
console.log(logged.id);
