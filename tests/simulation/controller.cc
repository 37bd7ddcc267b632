#include "tests/simulation/controller.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "images/keys/certificates.h"

namespace simulation {
namespace {

namespace json = boost::json;
using fleet::operations::Operations;
using fleet::store::Batch;

fleet::operations::Keys make_keys(Instant now) {
  const auto authority = *images::keys::PrivateKey::generate(images::keys::KeyKind::MachineKey);
  const std::string pem = *images::keys::make_authority(authority, "simulation", now - std::chrono::hours(24), now + std::chrono::hours(24 * 3650));
  return {authority, pem, *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey)};
}

fleet::registry::Caller machine_caller(const MachineId& machine) {
  fleet::registry::Caller caller;
  caller.key = KeyId(machine.text);
  caller.machine = machine;
  return caller;
}

const Error down{ErrorCode::Unavailable, "the controller is down", {}};

}  // namespace

Controller::Controller(Timeline& timeline, const policies::loading::Rules& rules, const policies::terms::ZoneRules& zones,
                       fleet::operations::Settings settings)
    : timeline_(timeline), rules_(rules), zones_(zones), settings_(settings), keys_(make_keys(timeline.now())) {
  start();
}

void Controller::start() {
  if (is_up()) return;
  operations_ = std::make_unique<Operations>(settings_, keys_, rules_, zones_, elements_);
  const Done loaded = operations_->load(*store_, timeline_.now());
  ASSERT_TRUE(loaded) << loaded.error().text();
  arm();
}

void Controller::die() {
  if (!is_up()) return;
  operations_.reset();
  ++armed_;
  ++deaths_;
}

void Controller::restore(const tests::fakes::MemoryStore& older) {
  die();
  store_ = std::make_unique<tests::fakes::MemoryStore>(older);
  start();
}

bool Controller::commit(Batch batch) {
  const bool dies = timeline_.random().chance(death_rate_);
  if (dies && timeline_.random().chance(0.5)) {
    die();
  } else {
    const std::vector<Digest> unneeded = operations_->take_unneeded();
    const Batch batches[] = {std::move(batch)};
    if (!batches[0].empty()) {
      EXPECT_TRUE(store_->commit(batches));
    }
    if (dies) {
      die();
    } else {
      operations_->erase_elements(unneeded);
    }
  }
  if (is_up()) arm();
  else timeline_.after(timeline_.between(Duration(5'000), Duration(600'000)), [this] { start(); });
  return is_up();
}

void Controller::arm() {
  const std::uint64_t armed = ++armed_;
  const std::optional<Instant> due = operations_->next_due();
  if (!due) return;
  timeline_.at(std::max(*due, timeline_.now() + Duration(1)), [this, armed] {
    if (armed == armed_ && is_up()) tick();
  });
}

void Controller::tick() {
  bool more = true;
  while (more && is_up()) {
    Batch batch;
    more = operations_->tick(timeline_.now(), batch);
    if (!commit(std::move(batch))) return;
  }
}

Result<std::string> Controller::nonce() {
  if (!is_up()) return down;
  const fleet::operations::NonceAnswer answer = operations_->nonce(timeline_.now());
  return json::serialize(json::object{{"nonce", answer.nonce}, {"authority_pem", answer.authority_pem}, {"controller_key_pem", answer.controller_key_pem}});
}

Result<std::string> Controller::enrol(const std::string& dsse) {
  using Answer = Result<fleet::operations::EnrolmentAnswer>;
  const auto asked = ask<Answer>([&](Operations& operations, Batch& batch) { return operations.enrol(dsse, timeline_.now(), batch); });
  if (!asked) return down;
  if (!*asked) return asked->error();
  const fleet::operations::EnrolmentAnswer& answer = **asked;
  json::object written = {{"agreement", answer.agreement.text}, {"countersigned", answer.countersigned}};
  if (answer.outcome == fleet::operations::EnrolmentOutcome::Declined) {
    written["state"] = "declined";
    written["release_order"] = answer.release_order;
  } else {
    written["state"] = "leased";
    written["certificate_pem"] = answer.certificate_pem;
    written["authority_pem"] = answer.authority_pem;
    written["terms"] = json::parse(answer.terms_text);
  }
  return json::serialize(written);
}

Result<std::string> Controller::messages(const MachineId& machine, const std::string& frame) {
  const auto asked = ask<Result<std::string>>(
      [&](Operations& operations, Batch& batch) { return operations.messages(machine, frame, "", timeline_.now(), batch); });
  return asked ? *asked : Result<std::string>(down);
}

Done Controller::receipt(const std::string& dsse) {
  using Answer = Result<policies::terms::MachineState>;
  const auto asked = ask<Answer>([&](Operations& operations, Batch& batch) { return operations.take_receipt(dsse, timeline_.now(), batch); });
  if (!asked) return down;
  return *asked ? Done() : Done(asked->error());
}

Result<std::string> Controller::get_element(const MachineId& machine, const Digest& digest, const std::string& ticket) {
  if (!is_up()) return down;
  auto part = operations_->get_element(machine_caller(machine), digest, 0, ticket, timeline_.now());
  if (!part) return part.error();
  return std::move(part->bytes);
}

Done Controller::put_element(const MachineId& machine, const Digest& digest, const std::string& bytes, const std::string& ticket) {
  using Answer = Result<fleet::operations::ElementPut>;
  const auto asked = ask<Answer>([&](Operations& operations, Batch& batch) {
    return operations.put_element(machine_caller(machine), digest, bytes, ticket, timeline_.now(), batch);
  });
  if (!asked) return down;
  return *asked ? Done() : Done(asked->error());
}

}  // namespace simulation
