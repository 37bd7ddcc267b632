// From the store to a model that can go on: what is not stored is computed again, and what time drives is armed.
#include <algorithm>
#include <boost/json.hpp>

#include "fleet/operations/texts.h"
#include "fleet/operations/world.h"

namespace fleet::operations {
namespace {

namespace json = boost::json;

// An order is never given to another machine before the first had a few polls in which to answer.
Settings made_consistent(Settings settings) {
  settings.placement.order_patience = std::max<Duration>(settings.placement.order_patience, settings.poll_interval * settings.polls_missed_max);
  return settings;
}

constexpr std::string_view seen_prefix = "seen/";
constexpr std::string_view element_prefix = "element/";
constexpr std::string_view order_prefix = "order/";

// What follows the prefix; nothing when the key is of another kind.
std::optional<std::string> after(std::string_view prefix, std::string_view key) {
  if (!key.starts_with(prefix)) return {};
  return std::string(key.substr(prefix.size()));
}

Result<Upload> upload_from(std::string_view text) {
  const Error corrupt{ErrorCode::Corrupt, "a stored element record is not what was written", {}};
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr || !object->contains("owners") || !object->contains("since") || !object->contains("size")) return corrupt;
  const json::value& owners = object->at("owners");
  const json::value& since = object->at("since");
  if (!owners.is_array() || !since.is_string()) return corrupt;
  Upload upload;
  const Result<Instant> at = instant_from(std::string_view(since.get_string()));
  upload.size.count = object->at("size").to_number<std::uint64_t>(error);
  if (!at || error) return corrupt;
  upload.since = *at;
  for (const json::value& owner : owners.get_array()) {
    if (!owner.is_string()) return corrupt;
    upload.owners.insert(PartyId(std::string(owner.get_string())));
  }
  return upload;
}

}  // namespace

Operations::World::World(Settings given, Keys own_keys, const policies::loading::Rules& all_rules, const terms::ZoneRules& all_zones,
                         store::Elements& all_elements)
    : settings(made_consistent(std::move(given))),
      own(std::move(own_keys)),
      rules(all_rules),
      zones(all_zones),
      elements(all_elements),
      scheduler(settings.scheduler),
      placement(settings.placement),
      journal(all_rules.standard_prices().currency) {}

Done Operations::World::load(store::Store& store, Instant now) {
  if (Done done = registry.load(store); !done) return done;
  if (Done done = scheduler.load(store); !done) return done;
  if (Done done = placement.load(store); !done) return done;
  if (Done done = journal.load(store); !done) return done;
  listening_since = now;

  Done outcome;
  Done scanned = store.scan(store::Table::Sessions, "", [&](std::string_view key, std::string_view value) {
    const Result<std::string> text = unquoted(value);
    const Result<std::string> bytes = text ? keys::bytes_of_base64(*text) : text;
    Result<agent::link::Session::State> state = bytes ? agent::link::decode_state(*bytes) : Result<agent::link::Session::State>(bytes.error());
    if (!state)
      outcome = state.error().within("reading the session of machine " + std::string(key));
    else
      live_of(MachineId(std::string(key))).session.emplace(agent::link::Session::End::Controller, *std::move(state), agent::link::Session::Limits{});
  });
  if (!scanned || !outcome) return scanned ? outcome : scanned;
  scanned = store.scan(store::Table::Settings, "", [&](std::string_view key, std::string_view value) {
    if (const auto machine = after(seen_prefix, key)) {
      const Result<std::string> text = unquoted(value);
      const Result<Instant> at = text ? instant_from(*text) : Result<Instant>(text.error());
      if (at) live_of(MachineId(*machine)).last_seen = *at;
    } else if (const auto element = after(element_prefix, key)) {
      Result<Upload> upload = upload_from(value);
      if (!upload) {
        outcome = upload.error().within(std::string(key));
        return;
      }
      for (const PartyId& owner : upload->owners) uploaded[owner] += upload->size;
      due.arm(DueKind::Upload, *element, upload->since + settings.unreferenced_life);
      uploads[Digest(*element)] = *std::move(upload);
    } else if (const auto order = after(order_prefix, key)) {
      Result<std::string> text = unquoted(value);
      if (text)
        orders[*order] = *std::move(text);
      else
        outcome = text.error().within(std::string(key));
    }
  });
  if (!scanned || !outcome) return scanned ? outcome : scanned;

  for (const auto& [id, machine] : registry.machines()) {
    if (machine.draining) placement.drain(id);
    if (machine.state == terms::MachineState::Releasing && machine.release_order.empty()) releasing.insert(id);
    refresh(id, now);
    due.arm(DueKind::Silence, id.text, now + settings.silence_limit);
  }
  for (const auto& [id, agreement] : registry.agreements()) {
    due.arm(DueKind::Agreement, id.text, now);
    if (agreement.state == terms::AgreementState::Active || agreement.state == terms::AgreementState::Ending) due.arm(DueKind::Incentive, id.text, now);
  }
  for (const ObjectId& id : placement.objects())
    if (const auto object = placement.object(id))
      for (const placement::ShardView& shard : object->shards) readers[shard.digest].insert(object->client);
  constexpr std::uint32_t page = 1'000;
  for (const scheduler::JobView& job : scheduler.jobs())
    for (std::uint32_t from = 0; from < job.tasks.total(); from += page)
      for (const scheduler::TaskView& task : scheduler.tasks(job.job, from, page))
        if (!task.result_digest.empty()) readers[Digest(task.result_digest)].insert(job.client);
  due.arm(DueKind::SettleWork, "", now);
  due.arm(DueKind::SettleStorage, "", now);
  due.arm(DueKind::LastSeen, "", now + settings.last_seen_pause);
  placement_changed = true;

  // What a crash left behind: elements that nothing refers to.
  Result<std::vector<Digest>> held = elements.list();
  if (!held) return held.error().within("listing the elements");
  for (const Digest& digest : *held)
    if (!is_needed(digest)) unneeded.push_back(digest);
  return {};
}

Operations::Operations(Settings settings, Keys keys, const policies::loading::Rules& rules, const policies::terms::ZoneRules& zones,
                       store::Elements& elements)
    : world_(std::make_unique<World>(std::move(settings), std::move(keys), rules, zones, elements)) {}
Operations::~Operations() = default;

Done Operations::load(store::Store& store, Instant now) { return world_->load(store, now); }

registry::Caller Operations::who(const KeyId& key) const { return world_->registry.who(key); }
const registry::Registry& Operations::registry() const { return world_->registry; }
const scheduler::Scheduler& Operations::scheduler() const { return world_->scheduler; }
const placement::Placement& Operations::placement() const { return world_->placement; }
const ledger::Journal& Operations::journal() const { return world_->journal; }
const policies::loading::Rules& Operations::rules() const { return world_->rules; }

}  // namespace fleet::operations
