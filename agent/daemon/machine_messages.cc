// What each message of the controller does here. Every one may come twice, in a new session: each is named by what it
// is about.
#include "agent/contract/messages.pb.h"
#include "agent/daemon/machine_agent.h"
#include "images/keys/statement.h"

namespace agent::daemon {
namespace {

constexpr std::size_t checkpoint_in_message_max = std::size_t{2} << 20;

ShardOrder store_order(const contract::StoreShard& message) {
  return {.act = ShardAct::Store,
          .request = message.request(),
          .shard = ShardId{message.shard()},
          .digest = Digest{message.digest()},
          .size = Bytes{message.size()},
          .ticket = message.ticket()};
}

ShardOrder send_order(const contract::SendShard& message) {
  return {.act = ShardAct::Send,
          .request = message.request(),
          .shard = ShardId{message.shard()},
          .digest = Digest{message.digest()},
          .size = {},
          .ticket = message.ticket()};
}

std::string offer_key(const contract::RenewalOffer& offer) {
  return offer.agreement() + "/" + offer.offer() + "/" + std::to_string(offer.answer_by_ms());
}

}  // namespace

Done MachineAgent::handle_message(const contract::Message& message) {
  switch (message.body_case()) {
    case contract::Message::kConfig:
      return take_config(message.config().SerializeAsString());
    case contract::Message::kAssignment:
      return take_assignment(message.assignment());
    case contract::Message::kCancelAssignment:
      lease_->engine.cancel(AssignmentId{message.cancel_assignment().assignment()},
                            message.cancel_assignment().reason(), moment_.now);
      return {};
    case contract::Message::kStoreShard:
      if (!lease_->vault) return refuse_shard(message.store_shard().request(), message.store_shard().shard());
      lease_->shards.take(store_order(message.store_shard()), *lease_->vault);
      return {};
    case contract::Message::kSendShard:
      if (!lease_->vault) return refuse_shard(message.send_shard().request(), message.send_shard().shard());
      lease_->shards.take(send_order(message.send_shard()), *lease_->vault);
      return {};
    case contract::Message::kDeleteShard:
      if (!lease_->vault) return refuse_shard(message.delete_shard().request(), message.delete_shard().shard());
      lease_->shards.remove(message.delete_shard().request(), ShardId{message.delete_shard().shard()},
                            Digest{message.delete_shard().digest()}, *lease_->vault);
      return {};
    case contract::Message::kContentsRequest:
      return answer_with_contents();
    case contract::Message::kRenewalOffer:
      return take_offer(message.renewal_offer().SerializeAsString());
    case contract::Message::kDrain:
      if (phase_ == Phase::Leased) set_phase(Phase::Draining);
      lease_->engine.drain(message.drain().reason(), moment_.now);
      return {};
    case contract::Message::kRelease:
      return take_release_order(message.release().dsse());
    case contract::Message::kCertificate: {
      Done kept = keep_certificate(message.certificate().pem());
      return kept ? Done{} : fault("certificate", kept.error());
    }
    case contract::Message::kWorkSummary:
      journal_->put("summary", message.work_summary().SerializeAsString());
      return {};
    case contract::Message::kTaskStatusRequest:
      return answer_about_task(AssignmentId{message.task_status_request().assignment()});
    case contract::Message::kTaskCheckpointRequest:
      return answer_with_checkpoint(AssignmentId{message.task_checkpoint_request().assignment()});
    case contract::Message::kCacheContentsRequest:
      return answer_with_cache();
    case contract::Message::kCountersigned: {
      Done kept =
          book_.keep_countersigned(message.countersigned().dsse(), identity_.device_key.public_key(), *controller_key_);
      return kept ? Done{} : fault("countersigned", kept.error());
    }
    case contract::Message::kAgreementNotice:
      ports_.desk.tell(message.agreement_notice().text());
      return {};
    case contract::Message::kDisplayContent:
      ports_.desk.tell(message.display_content().text());
      return {};
    case contract::Message::kExternalDelivery:
      ports_.desk.tell(message.external_delivery().text());
      return {};
    case contract::Message::kUpgrade:
      return fault(
          "upgrade",
          Error{ErrorCode::Unsupported, "this agent is upgraded with its operating system, not over this channel", {}});
    default:
      return {};  // of a later protocol: skipped, as PROTOCOL.md says
  }
}

Done MachineAgent::take_config(const std::string& serialized) {
  contract::Config config;
  if (!config.ParseFromString(serialized))
    return Error{ErrorCode::Corrupt, "the controller's settings cannot be read back", {}};
  journal_->put("config", serialized);
  lease_->engine.set_limits(std::min(config.queue_max(), settings_.queue_ceiling),
                            std::min(config.running_max(), settings_.running_ceiling));
  link::PollLimits limits = settings_.poll;
  if (config.poll_interval_ms() > 0) limits.interval = std::max(limits.first, Duration{config.poll_interval_ms()});
  if (config.poll_interval_max_ms() > 0) limits.interval_max = Duration{config.poll_interval_max_ms()};
  limits.interval_max = std::max(limits.interval_max, limits.interval);
  if (limits.interval == poll_limits_.interval && limits.interval_max == poll_limits_.interval_max) return {};
  poll_limits_ = limits;
  schedule_ = link::PollSchedule(limits, random_.below(UINT64_MAX));
  return {};
}

Done MachineAgent::take_assignment(const contract::Assignment& assignment) {
  Result<engine::Work> work = engine::work_from(assignment, *controller_key_);
  if (work) {
    lease_->engine.accept(*work, moment_.now);
    return {};
  }
  lease_->engine.refuse(AssignmentId{assignment.assignment()}, work.error().text(), moment_.now);
  return fault("assignment", work.error());
}

Done MachineAgent::report_task(const engine::Report& report) {
  contract::Message message;
  *message.mutable_task_status() = engine::message_of(report);
  return say(message);
}

Done MachineAgent::answer_about_task(const AssignmentId& assignment) {
  const std::optional<engine::Report> state = lease_->engine.state_of(assignment);
  if (state) return report_task(*state);
  // What has ended was reported; what was never heard of is not here.
  if (lease_->engine.has_ended(assignment)) return {};
  return report_task(
      {.assignment = assignment, .outcome = engine::Outcome::Stopped, .ended = moment_.now, .reason = "not held here"});
}

Done MachineAgent::answer_with_checkpoint(const AssignmentId& assignment) {
  contract::Message message;
  contract::TaskCheckpoint& answer = *message.mutable_task_checkpoint();
  answer.set_assignment(assignment.text);
  Result<std::string> checkpoint = lease_->engine.checkpoint_of(assignment);
  if (!checkpoint) {
    answer.set_reason(checkpoint.error().text());
  } else if (checkpoint->size() > checkpoint_in_message_max) {
    answer.set_reason("the checkpoint of " + Bytes{checkpoint->size()}.text() + " is too large for a message");
  } else {
    answer.set_digest(images::keys::sha256(*checkpoint).text);
    answer.set_checkpoint(*checkpoint);
  }
  return say(message);
}

Done MachineAgent::answer_with_contents() {
  contract::Message message;
  // Shards behind a partition that cannot be opened are not gone: an empty inventory would say that they are.
  if (!lease_->vault) return fault("contents", Error{ErrorCode::Unavailable, "the lease partition is not open", {}});
  contract::Contents& contents = *message.mutable_contents();
  for (const vault::HeldShard& held : lease_->vault->inventory()) {
    contract::HeldShard& shard = *contents.add_shards();
    shard.set_shard(held.shard.text);
    shard.set_digest(held.digest.text);
    shard.set_size(held.size.count);
  }
  for (const AssignmentId& assignment : lease_->engine.held()) contents.add_assignments(assignment.text);
  Done said = say(message);
  // An inventory is whole or it is none: half of one would make the controller take the rest for lost.
  if (!said && said.error().code == ErrorCode::LimitExceeded) return fault("contents", said.error());
  return said;
}

Done MachineAgent::answer_with_cache() {
  contract::Message message;
  contract::CacheContents& contents = *message.mutable_cache_contents();
  for (const Digest& digest : lease_->engine.cached()) contents.add_elements(digest.text);
  return say(message);
}

Done MachineAgent::fault(const std::string& where, const Error& error) {
  contract::Message message;
  contract::Fault& told = *message.mutable_fault();
  told.set_where(where);
  told.set_code(std::string(policies::vocabulary::name_of(error.code)));
  told.set_message(error.text());
  told.set_at_ms(moment_.now.time_since_epoch().count());
  return say(message);
}

Done MachineAgent::take_offer(const std::string& serialized) {
  contract::RenewalOffer offer;
  if (!offer.ParseFromString(serialized)) return Error{ErrorCode::Corrupt, "a renewal offer cannot be read back", {}};
  const std::string key = offer_key(offer);
  if (journal_->find("answered/" + key) != nullptr) return {};
  const std::string entry = "offer/" + key;
  journal_->put(entry, serialized);
  questions_[key] = {.asked = {.agreement = offer.agreement(),
                               .offer = offer.offer(),
                               .text = offer.text(),
                               .answer_by = Instant{Duration{offer.answer_by_ms()}}},
                     .entry = entry};
  next_look_ = moment_.running;
  return {};
}

Done MachineAgent::ask_owner() {
  if (questions_.empty() || until(next_look_) > Duration{0}) return {};
  next_look_ = moment_.running + settings_.desk_poll;
  for (auto next = questions_.begin(); next != questions_.end();) {
    const std::string key = next->first;
    const Question question = next->second;
    ++next;
    const bool too_late = question.asked.answer_by != Instant{} && question.asked.answer_by <= moment_.now;
    const std::optional<contract::Choice> choice = too_late ? std::nullopt : ports_.desk.renewal_answer(question.asked);
    if (!choice && !too_late) continue;
    if (choice) {
      const contract::OfferAnswer answer{.machine = identity_.voucher_facts.machine,
                                         .agreement = AgreementId{question.asked.agreement},
                                         .offer = OfferId{question.asked.offer},
                                         .choice = *choice,
                                         .answered_at = std::chrono::floor<std::chrono::seconds>(moment_.now)};
      Result<std::string> dsse =
          images::keys::sign_statement(contract::offer_answer_type, contract::payload_of(answer), identity_.device_key);
      if (!dsse) return std::move(dsse).error().within("signing the answer to the renewal offer");
      contract::Message message;
      message.mutable_offer_answer()->set_dsse(*dsse);
      Done said = say(message);
      if (!said) return said;
      journal_->put("answered/" + key, *dsse);
    }
    journal_->erase(question.entry);
    questions_.erase(key);
  }
  return {};
}

}  // namespace agent::daemon
