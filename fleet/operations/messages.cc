// The message channel: one exchange with one machine.
#include <algorithm>

#include "agent/contract/messages.pb.h"
#include "fleet/operations/world.h"

namespace fleet::operations {
namespace {

constexpr std::size_t text_max = 512;
constexpr std::uint32_t faults_an_hour_max = 20;

Instant instant_of(std::int64_t milliseconds) {
  constexpr std::int64_t year_9999 = 253'402'300'799'000;
  return Instant(Duration(std::clamp<std::int64_t>(milliseconds, 0, year_9999)));
}

// Cut between two characters of UTF-8, not within one: what is stored must be readable as text.
std::string shortened(const std::string& text) {
  if (text.size() <= text_max) return text;
  std::size_t end = text_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

registry::Profile profile_of(const contract::NodeProfile& message) {
  registry::Profile profile;
  profile.agent_version = shortened(message.agent_version());
  profile.operating_system = shortened(message.operating_system());
  profile.processors = std::min<std::uint32_t>(message.processors(), 4'096);
  profile.processor_mhz = std::min<std::uint32_t>(message.processor_mhz(), 1'000'000);
  profile.memory.count = std::min<std::uint64_t>(message.memory_bytes(), std::uint64_t{1} << 50);
  profile.lease.count = std::min<std::uint64_t>(message.lease_bytes(), std::uint64_t{1} << 60);
  profile.sandbox = message.sandbox();
  profile.element_cache.count = std::min<std::uint64_t>(message.element_cache_bytes(), std::uint64_t{1} << 60);
  return profile;
}

registry::Status status_of(const contract::NodeStatus& message) {
  registry::Status status;
  status.at = instant_of(message.at_ms());
  status.window = message.window() == contract::WINDOW_OPEN     ? registry::WindowWord::Open
                  : message.window() == contract::WINDOW_CLOSED ? registry::WindowWord::Closed
                                                                : registry::WindowWord::Unknown;
  status.owner = message.owner() == contract::OWNER_PRESENT  ? registry::OwnerWord::Present
                 : message.owner() == contract::OWNER_AWAY   ? registry::OwnerWord::Away
                 : message.owner() == contract::OWNER_PAUSED ? registry::OwnerWord::Paused
                                                             : registry::OwnerWord::Unknown;
  status.running = message.running();
  status.queued = message.queued();
  status.vault_used.count = std::min<std::uint64_t>(message.vault_used_bytes(), std::uint64_t{1} << 60);
  status.vault_free.count = std::min<std::uint64_t>(message.vault_free_bytes(), std::uint64_t{1} << 60);
  status.partition = message.partition() == contract::PARTITION_SOUND         ? registry::PartitionWord::Sound
                     : message.partition() == contract::PARTITION_UNAVAILABLE ? registry::PartitionWord::Unavailable
                                                                              : registry::PartitionWord::Unknown;
  status.partition_reason = message.partition_reason().substr(0, 1024);
  status.processor_idle_permille = std::min<std::uint32_t>(message.processor_idle_permille(), 1'000);
  return status;
}

scheduler::ReportKind kind_of(contract::TaskOutcome outcome) {
  switch (outcome) {
    case contract::TASK_QUEUED: return scheduler::ReportKind::Queued;
    case contract::TASK_RUNNING: return scheduler::ReportKind::Running;
    case contract::TASK_DONE: return scheduler::ReportKind::Done;
    case contract::TASK_STOPPED: return scheduler::ReportKind::Stopped;
    case contract::TASK_REFUSED: return scheduler::ReportKind::Refused;
    default: return scheduler::ReportKind::Failed;
  }
}

placement::StatusKind kind_of(contract::ShardOutcome outcome) {
  switch (outcome) {
    case contract::SHARD_STORED: return placement::StatusKind::Stored;
    case contract::SHARD_SENT: return placement::StatusKind::Sent;
    case contract::SHARD_DELETED: return placement::StatusKind::Deleted;
    case contract::SHARD_MISSING: return placement::StatusKind::Missing;
    case contract::SHARD_CORRUPT: return placement::StatusKind::Corrupt;
    case contract::SHARD_REFUSED: return placement::StatusKind::Refused;
    default: return placement::StatusKind::Failed;
  }
}

}  // namespace

void Operations::World::take_task_status(const MachineId& machine, const contract::TaskStatus& message, Instant now, store::Batch& batch) {
  scheduler::Report report;
  report.assignment = AssignmentId(message.assignment());
  report.machine = machine;
  report.kind = kind_of(message.outcome());
  report.processor_ms = message.processor_ms();
  report.started_at = instant_of(message.started_ms());
  report.ended_at = instant_of(message.ended_ms());
  report.reason = shortened(message.reason());
  if (report.kind == scheduler::ReportKind::Done) {
    const Digest digest(message.result_digest());
    // Put before the report counts: a result that was accepted must be there. An inline result that is not what it is named, or that
    // never arrived over the data channel, is no result.
    Done there;
    if (keys::sha256(message.result()) == digest)
      there = elements.put(digest, message.result());
    else if (const Result<Bytes> size = elements.size(digest); !size)
      there = size.error();
    if (there) {
      const Result<Bytes> size = elements.size(digest);
      report.result_digest = digest.text;
      report.result_size = size.value_or(Bytes{});
    } else {
      report.kind = scheduler::ReportKind::Failed;
      report.reason = "the result did not arrive: " + shortened(there.error().message);
    }
  }
  const Result<scheduler::Consequences> follows = scheduler.report(report, now, batch);
  // Kept while the scheduler refers to it, as it does unless this report told nothing new.
  if (!report.result_digest.empty()) unneeded.push_back(Digest(report.result_digest));
  if (follows) apply(*follows, now, batch);
}

void Operations::World::take_shard_status(const MachineId& machine, const contract::ShardStatus& message, Instant now, store::Batch& batch) {
  placement::Status status;
  status.machine = machine;
  status.shard = ShardId(message.shard());
  status.kind = kind_of(message.outcome());
  status.digest = Digest(message.digest());
  status.request = message.request();
  status.reason = shortened(message.reason());
  if (status.kind == placement::StatusKind::Sent && !elements.size(status.digest)) {
    status.kind = placement::StatusKind::Failed;
    status.reason = "the shard did not arrive";
  }
  placement.status(status, now, batch);
  placement_changed = true;
}

// What the machine holds, against what we count on: stale shards and assignments go, missing ones are made good.
void Operations::World::take_contents(const MachineId& machine, const contract::Contents& message, Instant now, store::Batch& batch) {
  std::vector<placement::HeldItem> inventory;
  inventory.reserve(static_cast<std::size_t>(message.shards_size()));
  for (const contract::HeldShard& shard : message.shards())
    inventory.push_back({ShardId(shard.shard()), Digest(shard.digest()), Bytes{shard.size()}});
  placement.reconcile(machine, std::move(inventory), now, batch);
  placement_changed = true;
  std::set<AssignmentId> ours;
  for (const scheduler::Copy& copy : scheduler.held_by(machine)) ours.insert(copy.assignment);
  for (const std::string& held : message.assignments()) {
    if (ours.erase(AssignmentId(held)) != 0) continue;
    contract::Message cancel;
    cancel.mutable_cancel_assignment()->set_assignment(held);
    cancel.mutable_cancel_assignment()->set_reason("no longer yours");
    send(machine, cancel);
  }
  for (const AssignmentId& lost : ours)
    if (const auto again = scheduler.assignment(lost)) send_assignment(*again, now, batch);
}

void Operations::World::take_message(const MachineId& id, const contract::Message& message, Instant now, store::Batch& batch) {
  const registry::Machine& machine = *registry.find_machine(id);
  switch (message.body_case()) {
    case contract::Message::kNodeProfile: {
      const registry::Profile profile = profile_of(message.node_profile());
      if (profile == machine.profile) return;
      registry.update(id, [&](registry::Machine& record) { record.profile = profile; }, batch);
      refresh(id, now);
      return;
    }
    case contract::Message::kNodeStatus: {
      const registry::Status status = status_of(message.node_status());
      if (status == machine.status) return;
      registry.update(id, [&](registry::Machine& record) { record.status = status; }, batch);
      refresh(id, now);
      return;
    }
    case contract::Message::kTaskStatus: take_task_status(id, message.task_status(), now, batch); return;
    case contract::Message::kShardStatus: take_shard_status(id, message.shard_status(), now, batch); return;
    case contract::Message::kContents: take_contents(id, message.contents(), now, batch); return;
    case contract::Message::kOfferAnswer: take_answer(machine, message.offer_answer().dsse(), now, batch); return;
    case contract::Message::kReceipt:
      if (const auto taken = take_release_receipt(message.receipt().dsse(), now, batch); !taken)
        registry.record({.kind = "receipt-refused", .machine = id, .text = shortened(taken.error().text())}, by_controller(now, ""), batch);
      return;
    case contract::Message::kConfigRequest: send_config(machine); return;
    case contract::Message::kCertificateRequest: renew_certificate(machine, message.certificate_request().public_key_pem(), now, batch); return;
    case contract::Message::kFault: {
      Live& its = live_of(id);
      if (now - its.faults_since > std::chrono::hours(1)) {
        its.faults_since = now;
        its.faults = 0;
      }
      if (its.faults++ >= faults_an_hour_max) return;
      const contract::Fault& fault = message.fault();
      registry.record({.kind = "machine-fault", .machine = id, .text = shortened(fault.where() + ": " + fault.code() + ": " + fault.message())},
                      {now, "machine", ""}, batch);
      return;
    }
    default: return;  // checkpoints and cache contents answer what was asked, and nothing asks yet; unknown kinds count as handled
  }
}

void Operations::World::renew_certificate(const registry::Machine& machine, const std::string& public_key_pem, Instant now, store::Batch& batch) {
  const Result<keys::PublicKey> key = keys::PublicKey::from_pem(public_key_pem);
  if (!key || key->id().text != machine.id.text || machine.state == terms::MachineState::Released) {
    registry.record({.kind = "certificate-refused", .machine = machine.id, .text = "asked for another key, or after its release"}, by_controller(now, ""), batch);
    return;
  }
  const Result<std::string> pem = certificate(machine.id.text, *key, settings.machine_certificate_life, now);
  if (!pem) return;
  registry.update(machine.id, [&](registry::Machine& record) { record.certificate_until = now + settings.machine_certificate_life; }, batch);
  contract::Message message;
  message.mutable_certificate()->set_pem(*pem);
  send(machine.id, message);
}

Result<std::string> Operations::messages(const MachineId& id, std::string_view encoded, std::string_view network, Instant now, store::Batch& batch) {
  World& world = *world_;
  const registry::Machine* machine = world.registry.find_machine(id);
  if (machine == nullptr || machine->public_key_pem.empty()) return Error{ErrorCode::NotFound, "machine " + id.text.substr(0, 16) + "... is not enrolled", {}};
  const Result<contract::Frame> frame = agent::link::decode_frame(encoded);
  if (!frame) return frame.error().within("reading a frame of machine " + machine->serial);
  Live& its = world.live_of(id);
  if (!its.session) its.session.emplace(agent::link::Session::End::Controller, agent::link::Session::State{}, agent::link::Session::Limits{});
  const std::string session_before = its.session->state().session;
  const Result<std::vector<contract::Message>> fresh = its.session->take(*frame);
  if (!fresh && fresh.error().code == ErrorCode::Conflict) return agent::link::encode_frame(agent::link::reset_frame(*frame));
  if (!fresh) return fresh.error().within("machine " + machine->serial);
  // Acknowledgements alone need not be durable: after a crash the machine drops what it has had already.
  if (!fresh->empty() || its.session->state().session != session_before) world.changed_sessions.insert(id);

  world.note_heard(*machine, network, now, batch);
  for (const contract::Message& message : *fresh) world.take_message(id, message, now, batch);
  bool given_work = false;
  for (const scheduler::Assignment& work : world.scheduler.assign(id, now, batch)) {
    world.send_assignment(work, now, batch);
    given_work = true;
  }
  world.finish(now, batch);

  contract::Frame answer = its.session->frame();
  const bool busy = given_work || !fresh->empty() || its.session->has_traffic();
  const Duration wait = busy ? std::min(world.settings.poll_busy, world.settings.poll_interval) : world.settings.poll_interval;
  answer.set_poll_after_ms(static_cast<std::uint32_t>(wait.count()));
  return agent::link::encode_frame(answer);
}

}  // namespace fleet::operations
