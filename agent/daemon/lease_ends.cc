// The two ends of a lease: from the owner's answer to the first frame, and from the release order to the receipt.
#include "agent/contract/messages.pb.h"
#include "agent/daemon/machine_agent.h"
#include "images/keys/certificates.h"
#include "images/keys/statement.h"

namespace agent::daemon {
namespace {

Instant whole_seconds(Instant now) { return std::chrono::floor<std::chrono::seconds>(now); }

}  // namespace

Done MachineAgent::await_answer() {
  if (until(next_look_) > Duration{0}) return {};
  next_look_ = moment_.running + settings_.answer_poll;
  // The first-boot question may have been answered by another process.
  Result<std::optional<consent::Record>> recorded = book_.read();
  if (!recorded) return std::move(recorded).error();
  if (!recorded->has_value()) {
    const std::optional<consent::Answer> answer = ports_.desk.terms_answer(identity_.terms);
    if (!answer) return {};
    Result<consent::Record> record =
        book_.record(identity_.terms, *answer, identity_.voucher_facts.machine, identity_.device_key, moment_.now);
    if (!record) return std::move(record).error();
    *recorded = *std::move(record);
  }
  consent_ = **recorded;
  phase_ = Phase::Enrolling;
  next_exchange_ = moment_.running;
  enrol();
  return {};
}

void MachineAgent::enrol() {
  if (busy_ || until(next_exchange_) > Duration{0}) return;
  busy_ = true;
  ports_.exchange.begin_nonce();
}

Done MachineAgent::nonce_arrived(const Result<Nonce>& nonce) {
  busy_ = false;
  if (!nonce) {
    calm(nonce.error());
    return {};
  }
  // The first controller that our authority vouched for is ours; another key later is another controller, not a new one
  // of this.
  if (const std::string* known = journal_->find("controller-key");
      known != nullptr && *known != nonce->controller_key_pem) {
    calm(Error{
        ErrorCode::Unauthenticated, "the controller shows another statement key than at enrolment", {"enrolling"}});
    return {};
  }
  Result<images::keys::PublicKey> key = images::keys::PublicKey::from_pem(nonce->controller_key_pem);
  if (!key) {
    calm(key.error());
    return {};
  }
  controller_key_ = *std::move(key);
  journal_->put("controller-key", nonce->controller_key_pem);
  const contract::Enrolment enrolment{.machine = identity_.voucher_facts.machine,
                                      .public_key_pem = identity_.device_key.public_key().pem(),
                                      .voucher = identity_.voucher,
                                      .consent = consent_->dsse,
                                      .nonce = nonce->nonce,
                                      .made_at = whole_seconds(moment_.now)};
  Result<std::string> dsse =
      images::keys::sign_statement(contract::enrolment_type, contract::payload_of(enrolment), identity_.device_key);
  if (!dsse) return std::move(dsse).error().within("signing the enrolment");
  busy_ = true;
  ports_.exchange.begin_enrolment(*dsse);
  return {};
}

Done MachineAgent::enrolled(const Result<EnrolmentAnswer>& answer) {
  busy_ = false;
  if (!answer) {
    calm(answer.error());
    return {};
  }
  const bool accepted = consent_->consent.choice == contract::Choice::Accepted;
  if (answer->leased != accepted) {
    calm(Error{ErrorCode::Conflict, "the controller takes the owner's answer for its opposite", {"enrolling"}});
    return {};
  }
  if (!answer->countersigned.empty()) {
    Done kept = book_.keep_countersigned(answer->countersigned, identity_.device_key.public_key(), *controller_key_);
    if (!kept) {
      calm(kept.error());
      return {};
    }
  }
  if (!accepted) return take_release_order(answer->release_order);
  Done kept = keep_certificate(answer->certificate_pem);
  if (!kept) {
    calm(kept.error());
    return {};
  }
  trouble_.clear();
  next_exchange_ = moment_.running;
  if (lease_) return {};
  agreement_ = answer->agreement;
  journal_->put("agreement", agreement_);
  set_phase(Phase::Leased);
  return begin_lease();
}

Done MachineAgent::keep_certificate(const std::string& pem) {
  Done verified = images::keys::verify_certificate(pem, identity_.authority_pem, moment_.now);
  if (!verified) return verified.error().within("checking our new certificate");
  Result<images::keys::CertificateFacts> facts = images::keys::certificate_facts(pem);
  if (!facts) return std::move(facts).error();
  if (facts->subject_key != identity_.device_key.id()) {
    return Error{ErrorCode::Unauthenticated, "the certificate is for another key", {"checking our new certificate"}};
  }
  journal_->put("certificate", pem);
  return load_certificate(pem);
}

Done MachineAgent::load_certificate(const std::string& pem) {
  Result<images::keys::CertificateFacts> facts = images::keys::certificate_facts(pem);
  if (!facts) return std::move(facts).error().within("reading our certificate");
  certificate_from_ = facts->not_before;
  certificate_until_ = facts->not_after;
  certificate_asked_.reset();
  ports_.exchange.present(pem);
  return {};
}

bool MachineAgent::certificate_expired() const { return certificate_until_ && *certificate_until_ <= moment_.now; }

Done MachineAgent::ask_new_certificate() {
  if (!certificate_until_ || certificate_expired()) return {};
  if (moment_.now < *certificate_until_ - (*certificate_until_ - *certificate_from_) / 3) return {};
  if (certificate_asked_ && moment_.running - *certificate_asked_ < settings_.certificate_pause) return {};
  certificate_asked_ = moment_.running;
  contract::Message message;
  message.mutable_certificate_request()->set_public_key_pem(identity_.device_key.public_key().pem());
  return say(message);
}

Done MachineAgent::take_release_order(const std::string& dsse) {
  const auto refuse = [&](const Error& error) {
    if (lease_) return fault("release", error);
    calm(error);
    return Done{};
  };
  Result<images::keys::Statement> statement = images::keys::parse_statement(dsse);
  if (!statement) return refuse(statement.error());
  Done verified = images::keys::verify_statement(*statement, *controller_key_, contract::release_order_type);
  if (!verified) return refuse(verified.error());
  Result<contract::ReleaseOrder> order = contract::release_order_from(statement->payload);
  if (!order) return refuse(order.error());
  if (order->machine != identity_.voucher_facts.machine) {
    return refuse(Error{ErrorCode::Refused, "the release order is for machine " + order->machine.text, {}});
  }
  if (!order->drained && order->forced_by.empty())
    return refuse(Error{ErrorCode::Refused, "the release order says neither that this machine is drained nor who forces it", {}});
  if (journal_->find("release-order") != nullptr) return {};
  journal_->put("release-order", dsse);
  release_ordered_ = moment_.running;
  if (!lease_) {
    set_phase(Phase::Releasing);
    next_exchange_ = moment_.running;
    return {};
  }
  set_phase(Phase::Draining);
  lease_->engine.drain(order->reason, moment_.now);
  return {};
}

Done MachineAgent::release() {
  if (releasing_ || until(next_exchange_) > Duration{0}) return {};
  if (lease_) {
    Done erased = lease_->engine.erase_all();
    if (erased && lease_->vault) erased = lease_->vault->erase_all();
    if (!erased) return erased.error().within("releasing the machine");
    lease_.reset();
    opening_.reset();
    transfers_.clear();
    questions_.clear();
  }
  Done committed = commit();
  if (!committed) return committed;
  releasing_ = true;
  ports_.releaser.begin_release(*journal_->find("release-order"));
  return {};
}

Done MachineAgent::disk_released(Result<contract::Receipt> receipt) {
  releasing_ = false;
  if (phase_ != Phase::Releasing) return {};
  if (!receipt) {
    ++release_attempts_;
    calm(receipt.error());
    return {};
  }
  receipt->kind = contract::ReceiptKind::Released;
  receipt->machine = identity_.voucher_facts.machine;
  if (receipt->serial.empty()) receipt->serial = identity_.voucher_facts.serial;
  if (receipt->order.empty()) receipt->order = identity_.voucher_facts.order;
  if (receipt->done_at == Instant{}) receipt->done_at = whole_seconds(moment_.now);
  Result<std::string> dsse =
      images::keys::sign_statement(contract::receipt_type, contract::payload_of(*receipt), identity_.device_key);
  if (!dsse) return std::move(dsse).error().within("signing the receipt");
  Done kept =
      ports_.files.replace(settings_.state_folder + "/owner/receipt.dsse", *dsse, images::files::Access::Everyone);
  if (!kept) return kept.error().within("keeping the owner's copy of the receipt");
  journal_->put("receipt", *dsse);
  set_phase(Phase::Reporting);
  trouble_.clear();
  next_exchange_ = moment_.running;
  return {};
}

Done MachineAgent::receipt_taken(const Done& done) {
  busy_ = false;
  if (phase_ != Phase::Reporting) return {};
  if (!done) {
    calm(done.error());
    return {};
  }
  trouble_.clear();
  set_phase(Phase::Released);
  return {};
}

}  // namespace agent::daemon
