// The controller's end of the wire in the hands of a test: answers at once, keeps what it was told, and sends what the
// test says. Implements the agent's Exchange and ElementTransfer ports and its Releaser.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/contract/messages.pb.h"
#include "agent/contract/statements.h"
#include "agent/daemon/agent.h"
#include "agent/link/session.h"
#include "images/keys/certificates.h"
#include "images/keys/statement.h"

namespace tests::fakes {
using namespace policies::vocabulary;

class ScriptedController final : public agent::daemon::Exchange,
                                 public agent::daemon::ElementTransfer,
                                 public agent::daemon::Releaser {
 public:
  explicit ScriptedController(Instant begin)
      : signing(*images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey)),
        authority(*images::keys::PrivateKey::generate(images::keys::KeyKind::MachineKey)),
        authority_pem(*images::keys::make_authority(authority, "test authority", begin - std::chrono::hours(24),
                                                    begin + std::chrono::hours(24 * 3650))),
        session(agent::link::Session::End::Controller, {}, {}) {}

  // What the agent is given, and whom the events go to.
  images::keys::PrivateKey signing;
  images::keys::PrivateKey authority;
  std::string authority_pem;
  agent::daemon::Agent* machine = nullptr;
  Instant now;
  Duration certificate_life = std::chrono::hours(24 * 90);

  // What the test reads.
  agent::link::Session session;
  std::vector<agent::contract::Message> told;  // by the machine, each once
  std::map<Digest, std::string> elements;
  std::vector<std::string> enrolments;  // DSSE
  std::vector<agent::contract::Consent> consents;
  std::vector<agent::contract::Receipt> receipts;
  std::string presented;  // certificate
  int frames = 0;
  int releases = 0;
  int slot_keys = 0;  // handed out
  std::string slot_key = std::string(64, '5');
  int unanswered = 0;
  bool reachable = true;
  bool release_fails = false;
  std::function<void(const agent::contract::Message&)> on_told;

  void send(const agent::contract::Message& message) {
    invariant(session.send(message).has_value(), "the scripted controller can send");
  }
  void send_assignment(agent::contract::Assignment assignment) {
    std::string bytes = assignment.SerializeAsString();
    assignment.set_signature(images::keys::base64_of(*signing.sign(bytes)));
    agent::contract::Message message;
    *message.mutable_assignment() = assignment;
    send(message);
  }
  std::string release_order(const MachineId& id, const std::string& reason) const {
    return *images::keys::sign_statement(
        agent::contract::release_order_type,
        agent::contract::payload_of(agent::contract::ReleaseOrder{
            .machine = id, .agreement = AgreementId{"agreement-1"}, .reason = reason, .drained = true, .forced_by = {}, .made_at = whole(now)}),
        signing);
  }

  // agent::daemon::Exchange
  void begin_nonce() override {
    if (!reachable) return lost<agent::daemon::NonceArrived>();
    machine->deliver(agent::daemon::NonceArrived{
        agent::daemon::Nonce{.nonce = "00ff", .controller_key_pem = signing.public_key().pem()}});
  }
  void begin_enrolment(const std::string& dsse) override {
    if (!reachable) return lost<agent::daemon::EnrolmentAnswered>();
    enrolments.push_back(dsse);
    const auto enrolment = *agent::contract::enrolment_from(images::keys::parse_statement(dsse)->payload);
    const auto key = *images::keys::PublicKey::from_pem(enrolment.public_key_pem);
    const auto consent = *agent::contract::consent_from(images::keys::parse_statement(enrolment.consent)->payload);
    consents.push_back(consent);
    agent::daemon::EnrolmentAnswer answer;
    answer.leased = consent.choice == agent::contract::Choice::Accepted;
    answer.countersigned = *images::keys::countersign_statement(enrolment.consent, signing);
    if (answer.leased) {
      answer.certificate_pem = certificate_for(key);
      answer.agreement = "agreement-1";
    } else {
      answer.release_order = release_order(enrolment.machine, "declined");
    }
    machine->deliver(agent::daemon::EnrolmentAnswered{answer});
  }
  void begin_frame(const std::string& encoded) override {
    if (!reachable) return lost<agent::daemon::FrameArrived>();
    ++frames;
    const agent::contract::Frame frame = *agent::link::decode_frame(encoded);
    auto fresh = session.take(frame);
    if (!fresh) {
      machine->deliver(agent::daemon::FrameArrived{agent::link::encode_frame(agent::link::reset_frame(frame))});
      return;
    }
    for (const agent::contract::Message& message : *fresh) {
      told.push_back(message);
      if (on_told) on_told(message);
    }
    machine->deliver(agent::daemon::FrameArrived{agent::link::encode_frame(session.frame())});
  }
  void begin_receipt(const std::string& dsse) override {
    if (!reachable) return lost<agent::daemon::ReceiptTaken>();
    receipts.push_back(*agent::contract::receipt_from(images::keys::parse_statement(dsse)->payload));
    machine->deliver(agent::daemon::ReceiptTaken{Done{}});
  }
  void begin_slot_key() override {
    if (!reachable) return lost<agent::daemon::SlotKeyArrived>();
    ++slot_keys;
    machine->deliver(agent::daemon::SlotKeyArrived{slot_key});
  }
  void present(const std::string& certificate_pem) override { presented = certificate_pem; }

  // agent::daemon::ElementTransfer
  void begin_get(std::uint64_t transfer, const Digest& digest, Bytes, const std::string&) override {
    const auto found = elements.find(digest);
    if (!reachable || found == elements.end()) {
      machine->deliver(agent::daemon::ElementArrived{transfer, Error{ErrorCode::Unavailable, "no element", {}}});
    } else {
      machine->deliver(agent::daemon::ElementArrived{transfer, found->second});
    }
  }
  void begin_put(std::uint64_t transfer, const Digest& digest, std::string bytes, const std::string&) override {
    if (reachable) elements[digest] = std::move(bytes);
    machine->deliver(agent::daemon::ElementTaken{
        transfer, reachable ? Done{} : Done(Error{ErrorCode::Unavailable, "no answer", {}})});
  }

  // agent::daemon::Releaser
  void begin_release(const std::string&) override {
    ++releases;
    if (release_fails) {
      machine->deliver(agent::daemon::DiskReleased{Error{ErrorCode::Unavailable, "the disk is busy", {}}});
      return;
    }
    agent::contract::Receipt receipt;
    receipt.serial = "PC-1";
    receipt.order = OrderId{"order-1"};
    receipt.table_before = images::keys::sha256("before");
    receipt.table_after = images::keys::sha256("after");
    receipt.freed = gibibytes(6);
    receipt.key_slots_destroyed = true;
    receipt.steps = {"the lease partition was deleted"};
    machine->deliver(agent::daemon::DiskReleased{receipt});
  }

  [[nodiscard]] std::string certificate_for(const images::keys::PublicKey& key) const {
    return *images::keys::issue_certificate({.common_name = key.id().text,
                                             .subject = key,
                                             .use = images::keys::CertificateUse::Client,
                                             .host_names = {},
                                             .not_before = now - std::chrono::hours(1),
                                             .not_after = now + certificate_life},
                                            authority, authority_pem);
  }
  static Instant whole(Instant instant) { return std::chrono::floor<std::chrono::seconds>(instant); }

 private:
  template <typename Event>
  void lost() {
    ++unanswered;
    machine->deliver(Event{Error{ErrorCode::Unavailable, "no answer", {}}});
  }
};

}  // namespace tests::fakes
