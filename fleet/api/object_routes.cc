// A client's objects, and the client itself.
#include <boost/json.hpp>

#include "fleet/api/api.h"
#include "fleet/api/json_body.h"

namespace fleet::api {
namespace {

json::object json_of(const placement::ObjectView& object) {
  json::array shards;
  for (const placement::ShardView& shard : object.shards) {
    json::object written = {{"index", shard.index}, {"digest", shard.digest.text}, {"size", shard.size.count}, {"state", placement::name_of(shard.state)}};
    for (const placement::Holding& holding : shard.holdings)
      if (holding.state != placement::HoldingState::Deleting) written["machine"] = operations::Operations::pseudonym(object.client, holding.machine);
    shards.push_back(std::move(written));
  }
  return {{"object", object.object.text},
          {"sealed_facts", object.sealed_facts},
          {"state", placement::name_of(object.state)},
          {"data_shards", object.data_shards},
          {"total_shards", object.total_shards},
          {"created_at", text_of(object.created_at)},
          {"shards", std::move(shards)}};
}

Result<agent::link::HttpResponse> self(Context& context, Call& call, store::Batch&) {
  Result<operations::Account> account = context.operations.account(call.caller.party, call.now);
  if (!account) return account.error();
  json::object written = {{"party", account->party.text},
                          {"name", account->name},
                          {"balance", json_of_money(account->balance)},
                          {"spent_month", json_of_money(account->spent_month)}};
  if (account->spending_limit) written["spending_limit"] = json_of_money(*account->spending_limit);
  return json_answer(200, written);
}

Result<agent::link::HttpResponse> put(Context& context, Call& call, store::Batch& batch) {
  Result<Body> body = Body::of(call.request.body);
  if (!body) return body.error();
  placement::ObjectOrder order;
  order.client = call.caller.party;
  order.object = ObjectId(body->text("object", 64));
  order.sealed_facts = body->text("sealed_facts", 64 * 1024);
  order.data_shards = static_cast<std::uint32_t>(body->number("data_shards", 255));
  order.total_shards = static_cast<std::uint32_t>(body->number("total_shards", 255));
  for (Body& shard : body->objects("shards", 255)) {
    order.shards.push_back({static_cast<std::uint32_t>(shard.number("index", 254)), Digest(shard.text("digest", 64)),
                            Bytes{shard.number("size", std::uint64_t{1} << 40)}});
    body->join(shard);
  }
  if (Done finished = body->finish(); !finished) return finished.error();
  Result<placement::ObjectView> object = context.operations.put_object(std::move(order), call.now, batch);
  if (!object) return object.error();
  return json_answer(202, json_of(*object));
}

Result<agent::link::HttpResponse> list(Context& context, Call& call, store::Batch&) {
  json::array objects;
  for (const placement::ObjectView& object : context.operations.objects(call.caller.party)) objects.push_back(json_of(object));
  return json_answer(200, {{"objects", std::move(objects)}});
}

Result<agent::link::HttpResponse> show(Context& context, Call& call, store::Batch&) {
  Result<placement::ObjectView> object = context.operations.object(call.caller.party, ObjectId(call.words[0]));
  if (!object) return object.error();
  return json_answer(200, json_of(*object));
}

Result<agent::link::HttpResponse> retrieve(Context& context, Call& call, store::Batch& batch) {
  Result<placement::Retrieval> retrieval = context.operations.retrieve(call.caller.party, ObjectId(call.words[0]), call.now, batch);
  if (!retrieval) return retrieval.error();
  json::array ready;
  for (const placement::ShardOrder& shard : retrieval->ready) ready.push_back({{"index", shard.index}, {"digest", shard.digest.text}});
  return json_answer(202, {{"ready", std::move(ready)}, {"waiting", retrieval->waiting}});
}

Result<agent::link::HttpResponse> remove(Context& context, Call& call, store::Batch& batch) {
  if (Done removed = context.operations.remove_object(call.caller.party, ObjectId(call.words[0]), call.now, batch); !removed)
    return removed.error();
  return json_answer(202, {{"object", call.words[0]}, {"state", "deleting"}});
}

}  // namespace

std::vector<Route> object_routes() {
  return {{"GET", "/v1/clients/self", Audience::Client, self},
          {"POST", "/v1/objects", Audience::Client, put},
          {"GET", "/v1/objects", Audience::Client, list},
          {"GET", "/v1/objects/{id}", Audience::Client, show},
          {"POST", "/v1/objects/{id}/retrieval", Audience::Client, retrieve},
          {"DELETE", "/v1/objects/{id}", Audience::Client, remove}};
}

}  // namespace fleet::api
