#include "tests/fleet/operations/rig.h"

#include <gtest/gtest.h>

#include "images/keys/certificates.h"
#include "images/keys/statement.h"

namespace tests::fleet_operations {
namespace {

keys::PrivateKey fresh(keys::KeyKind kind) { return *keys::PrivateKey::generate(kind); }

Instant start() { return *instant_from("2026-11-22T05:30:00Z"); }  // 23:30 in Chicago: the hours of home-night are open

}  // namespace

std::string result_of(const std::string& parameters) { return "result of " + parameters; }

Rig::Rig(operations::Settings settings)
    : now(start()),
      rules(*policies::loading::load_rules(LEASEBACK_SOURCE_DIR "/policies/rules")),
      line(fresh(keys::KeyKind::SigningKey)),
      client_key(fresh(keys::KeyKind::MachineKey)),
      authority(fresh(keys::KeyKind::MachineKey)),
      authority_pem(*keys::make_authority(authority, "test authority", now - std::chrono::hours(1), now + std::chrono::hours(24 * 3650))),
      escrow(fresh(keys::KeyKind::MachineKey)),
      settings_(std::move(settings)),
      signing_(fresh(keys::KeyKind::SigningKey)) {
  restart();
  EXPECT_TRUE(use([&](auto& o, auto& b) { return o.register_line({.id = PartyId("line-1"), .name = "Line 1", .public_key_pem = line.public_key().pem()}, "staff", now, b); }));
  EXPECT_TRUE(use([&](auto& o, auto& b) {
    return o.add_party({.id = PartyId("acme"), .name = "Acme", .roles = {fleet::registry::Role::Client}, .public_key_pem = client_key.public_key().pem()}, "staff", now, b);
  }));
  client = ops_->who(client_key.id());
}

void Rig::restart() {
  ops_.reset();
  ops_ = std::make_unique<operations::Operations>(settings_, operations::Keys{authority, authority_pem, signing_, escrow}, rules, zones, elements);
  const Done loaded = ops_->load(store, now);
  ASSERT_TRUE(loaded) << loaded.error().text();
}

void Rig::commit(fleet::store::Batch& batch) {
  if (batch.empty()) return;
  const std::vector<Digest> unneeded = ops_->take_unneeded();
  ASSERT_TRUE(store.commit(std::span<const fleet::store::Batch>(&batch, 1)));
  ops_->erase_elements(unneeded);
  if (crash_every != 0 && store.commits() % crash_every == 0) restart();
}

void Rig::tick() {
  for (int i = 0; i < 100; ++i) {
    fleet::store::Batch batch;
    const bool more = ops_->tick(now, batch);
    commit(batch);
    if (!more) return;
  }
}

void Rig::pass(Duration time, Duration step) {
  for (const Instant end = now + time; now < end;) {
    now = std::min(end, now + step);
    tick();
    for (ScriptedMachine* machine : machines) machine->call();
  }
}

ScriptedMachine::ScriptedMachine(Rig& its_rig, std::string serial, std::string owner) : rig(its_rig), key(fresh(keys::KeyKind::MachineKey)), id(key.id().text) {
  const terms::Terms& agreed = **rig.rules.find_terms(TermsId("home-night"));
  facts.serial = std::move(serial);
  facts.machine = id;
  std::string order = "order-" + facts.serial;
  for (char& c : order) c = static_cast<char>(std::tolower(c));
  facts.order = OrderId(order);
  facts.owner = PartyId(std::move(owner));
  facts.model = "home-pc";
  facts.terms = agreed.id;
  facts.terms_version = static_cast<std::uint32_t>(agreed.version);
  facts.zone = "America/Chicago";
  facts.terms_digest = keys::sha256(terms::canonical_text(agreed, facts.zone));
  facts.offer = OfferId("home");
  facts.plan_digest = keys::sha256("plan");
  facts.lease = policies::pricing::leased_bytes(agreed, Bytes{40'000'000'000});
  facts.processor_mhz = 1'000;
  facts.made_at = rig.now;
  voucher_ = *keys::sign_statement(contract::voucher_type, contract::payload_of(facts), rig.line);
  rig.machines.push_back(this);
}

std::string ScriptedMachine::consent(contract::Choice choice) const {
  const contract::Consent words{id, facts.terms_digest, choice, "the owner", *instant_from("2026-11-22T05:00:00Z")};
  return *keys::sign_statement(contract::consent_type, contract::payload_of(words), key);
}

std::string ScriptedMachine::enrolment(const std::string& voucher, const std::string& consent, const std::string& nonce, const keys::PrivateKey& signer) const {
  const contract::Enrolment words{id, key.public_key().pem(), voucher, consent, nonce, rig.now};
  return *keys::sign_statement(contract::enrolment_type, contract::payload_of(words), signer);
}

Result<operations::EnrolmentAnswer> ScriptedMachine::enrol_with(const std::string& enrolment) {
  return rig.use([&](auto& o, auto& b) { return o.enrol(enrolment, rig.now, b); });
}

Result<operations::EnrolmentAnswer> ScriptedMachine::enrol(contract::Choice choice) {
  return enrol_with(enrolment(voucher_, consent(choice), rig.ops().nonce(rig.now).nonce, key));
}

void ScriptedMachine::say(contract::Message message) {
  if (!session) {
    session.emplace(agent::link::Session::End::Machine, agent::link::Session::State{}, agent::link::Session::Limits{});
    session->open(keys::random_bytes(16));
  }
  ASSERT_TRUE(session->send(std::move(message)));
}

void ScriptedMachine::introduce() {
  contract::Message message;
  contract::NodeProfile& profile = *message.mutable_node_profile();
  profile.set_agent_version("test");
  profile.set_processors(1);
  profile.set_processor_mhz(1'000);
  profile.set_memory_bytes(1 << 30);
  profile.set_lease_bytes(facts.lease.count);
  profile.set_sandbox(true);
  say(std::move(message));
}

void ScriptedMachine::say_contents() {
  contract::Message message;
  contract::Contents& contents = *message.mutable_contents();
  for (const auto& [shard, held] : vault) {
    contract::HeldShard& one = *contents.add_shards();
    one.set_shard(shard);
    one.set_digest(held.first);
    one.set_size(held.second.size());
  }
  for (const std::string& assignment : work) contents.add_assignments(assignment);
  say(std::move(message));
}

std::vector<contract::Message> ScriptedMachine::call() {
  if (!session) {
    session.emplace(agent::link::Session::End::Machine, agent::link::Session::State{}, agent::link::Session::Limits{});
    session->open(keys::random_bytes(16));
  }
  const std::string out = agent::link::encode_frame(session->frame());
  const Result<std::string> in = rig.use([&](auto& o, auto& b) { return o.messages(id, out, "", rig.now, b); });
  if (!in) return {};
  const auto frame = agent::link::decode_frame(*in);
  EXPECT_TRUE(frame);
  const auto fresh_messages = session->take(*frame);
  if (!fresh_messages) {
    session->open(keys::random_bytes(16));
    return {};
  }
  for (const contract::Message& message : *fresh_messages) {
    heard.push_back(message);
    handle(message);
  }
  return *fresh_messages;
}

void ScriptedMachine::settle() {
  for (int i = 0; i < 50; ++i)
    if (call().empty() && !session->has_traffic()) return;
}

std::string ScriptedMachine::release_receipt() const {
  contract::Receipt receipt;
  receipt.kind = contract::ReceiptKind::Released;
  receipt.serial = facts.serial;
  receipt.machine = id;
  receipt.order = facts.order;
  receipt.table_before = keys::sha256("before");
  receipt.table_after = keys::sha256("after");
  receipt.freed = facts.lease;
  receipt.key_slots_destroyed = true;
  receipt.steps = {"partition deleted"};
  receipt.done_at = facts.made_at;
  return *keys::sign_statement(contract::receipt_type, contract::payload_of(receipt), key);
}

void ScriptedMachine::handle(const contract::Message& message) {
  const auto caller = rig.ops().who(KeyId(id.text));
  const auto shard_status = [&](const auto& order, contract::ShardOutcome outcome) {
    contract::Message answer;
    answer.mutable_shard_status()->set_shard(order.shard());
    answer.mutable_shard_status()->set_digest(order.digest());
    answer.mutable_shard_status()->set_request(order.request());
    answer.mutable_shard_status()->set_outcome(outcome);
    say(std::move(answer));
  };
  if (message.has_store_shard()) {
    const auto& order = message.store_shard();
    const auto part = rig.ops().get_element(caller, Digest(order.digest()), 0, order.ticket(), rig.now);
    if (part) vault[order.shard()] = {order.digest(), part->bytes};
    shard_status(order, part ? contract::SHARD_STORED : contract::SHARD_FAILED);
  } else if (message.has_send_shard()) {
    const auto& order = message.send_shard();
    const auto held = vault.find(order.shard());
    bool sent = false;
    if (held != vault.end())
      sent = rig.use([&](auto& o, auto& b) { return o.put_element(caller, Digest(order.digest()), held->second.second, order.ticket(), rig.now, b); }).has_value();
    shard_status(order, held == vault.end() ? contract::SHARD_MISSING : sent ? contract::SHARD_SENT : contract::SHARD_FAILED);
  } else if (message.has_delete_shard()) {
    vault.erase(message.delete_shard().shard());
    if (confirms_deletions) shard_status(message.delete_shard(), contract::SHARD_DELETED);
  } else if (message.has_contents_request()) {
    say_contents();
  } else if (message.has_assignment()) {
    const auto& order = message.assignment();
    if (!works) {
      work.insert(order.assignment());
      return;
    }
    for (const contract::Element& element : order.elements())
      EXPECT_TRUE(rig.ops().get_element(caller, Digest(element.digest()), 0, element.ticket(), rig.now));
    const std::string result = lies ? "a lie" : result_of(order.parameters_json());
    contract::Message answer;
    contract::TaskStatus& status = *answer.mutable_task_status();
    status.set_assignment(order.assignment());
    status.set_outcome(contract::TASK_DONE);
    status.set_result(result);
    status.set_result_digest(keys::sha256(result).text);
    status.set_processor_ms(60'000);
    status.set_started_ms(rig.now.time_since_epoch().count());
    status.set_ended_ms(rig.now.time_since_epoch().count() + 60'000);
    ++computed;
    say(std::move(answer));
  } else if (message.has_cancel_assignment()) {
    work.erase(message.cancel_assignment().assignment());
  } else if (message.has_renewal_offer()) {
    offer_seen = message.renewal_offer().text();
    const contract::OfferAnswer words{id, AgreementId(message.renewal_offer().agreement()), OfferId(message.renewal_offer().offer()), renewal, rig.now};
    contract::Message answer;
    answer.mutable_offer_answer()->set_dsse(*keys::sign_statement(contract::offer_answer_type, contract::payload_of(words), key));
    say(std::move(answer));
  } else if (message.has_release() && releases) {
    vault.clear();
    contract::Message answer;
    answer.mutable_receipt()->set_dsse(release_receipt());
    say(std::move(answer));
  }
}

}  // namespace tests::fleet_operations
