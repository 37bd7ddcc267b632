// What the controller says to machines.
#include "agent/contract/messages.pb.h"
#include "fleet/operations/texts.h"
#include "fleet/operations/world.h"

namespace fleet::operations {
namespace {

std::int64_t milliseconds_of(Instant instant) { return instant.time_since_epoch().count(); }

}  // namespace

void Operations::World::send(const MachineId& machine, const contract::Message& message) {
  Live& its = live_of(machine);
  if (!its.session) its.session.emplace(agent::link::Session::End::Controller, agent::link::Session::State{}, agent::link::Session::Limits{});
  // A machine that lets so many messages wait is long given up; its next inventory tells us what to say anew.
  if (const Done sent = its.session->send(message); !sent) return;
  changed_sessions.insert(machine);
}

void Operations::World::finish(Instant now, store::Batch& batch) {
  if (placement_changed) place(now, batch);
  order_releases(now, batch);
  for (const MachineId& machine : changed_sessions)
    batch.push_back({store::Table::Sessions, machine.text, quoted(keys::base64_of(agent::link::encode_state(live_of(machine).session->state())))});
  changed_sessions.clear();
}

void Operations::World::send_config(const registry::Machine& machine) {
  contract::Message message;
  contract::Config& config = *message.mutable_config();
  config.set_poll_interval_ms(static_cast<std::uint32_t>(settings.poll_interval.count()));
  config.set_poll_interval_max_ms(static_cast<std::uint32_t>(settings.poll_interval_max.count()));
  config.set_queue_max(settings.queue_max);
  config.set_running_max(settings.running_max);
  config.set_zone(machine.zone);
  if (const registry::Agreement* agreement = agreement_of(machine)) config.set_terms_json(agreement->terms_text);
  send(machine.id, message);
}

void Operations::World::send_notice(const registry::Agreement& agreement, const std::string& text, Instant now) {
  for (const MachineId& machine : agreement.machines) {
    contract::Message message;
    contract::AgreementNotice& notice = *message.mutable_agreement_notice();
    notice.set_agreement(agreement.id.text);
    notice.set_state(std::string(name_of(agreement.state)));
    notice.set_text(text);
    notice.set_at_ms(milliseconds_of(now));
    send(machine, message);
  }
}

void Operations::World::send_summary(const MachineId& machine, Instant now) {
  const registry::Machine* record = registry.find_machine(machine);
  if (record == nullptr) return;
  contract::Message message;
  contract::WorkSummary& summary = *message.mutable_work_summary();
  summary.set_earned_minor(record->earned.minor_units());
  summary.set_currency(record->earned.currency().code);
  summary.set_tasks_done(record->tasks_done);
  summary.set_shards_held(placement.shards_on(machine).size());
  summary.set_as_of_ms(milliseconds_of(now));
  send(machine, message);
}

void Operations::World::send_assignment(const scheduler::Assignment& work, Instant now, store::Batch& batch) {
  contract::Message message;
  contract::Assignment& assignment = *message.mutable_assignment();
  assignment.set_assignment(work.assignment.text);
  assignment.set_task(work.task.text);
  assignment.set_job(work.job.text);
  for (const scheduler::JobElement& element : work.elements) {
    contract::Element& reference = *assignment.add_elements();
    reference.set_name(element.name);
    reference.set_digest(element.digest.text);
    reference.set_size(element.size.count);
    reference.set_executable(element.executable);
    reference.set_ticket(ticket(work.machine, element.digest, contract::TicketAct::Get, element.size, now));
  }
  assignment.set_entry(work.entry);
  for (const std::string& argument : work.order.arguments) assignment.add_arguments(argument);
  assignment.set_parameters_json(work.order.parameters_json);
  assignment.set_memory_max_bytes(work.limits.memory.count);
  assignment.set_scratch_max_bytes(work.limits.scratch.count);
  assignment.set_result_max_bytes(work.limits.result.count);
  assignment.set_processor_ms_max(work.limits.processor_seconds * 1'000);
  assignment.set_deadline_ms(milliseconds_of(work.deadline));
  assignment.set_priority(work.priority);
  // A result's digest is not known before the work is done: any one element, for this machine, up to the job's limit.
  assignment.set_result_ticket(ticket(work.machine, any_element(), contract::TicketAct::Put, work.limits.result, now));
  // No map fields: the serialization is the same each time, as the machine's check needs it.
  const Result<std::string> signature = own.signing.sign(assignment.SerializeAsString());
  invariant(signature.has_value(), "the controller's signing key cannot sign");
  assignment.set_signature(keys::base64_of(*signature));

  Live& its = live_of(work.machine);
  if (its.session && static_cast<std::size_t>(assignment.ByteSizeLong()) < agent::link::Session::Limits{}.frame_max.count / 2) {
    send(work.machine, message);
    return;
  }
  scheduler::Report refused;
  refused.assignment = work.assignment;
  refused.machine = work.machine;
  refused.kind = scheduler::ReportKind::Refused;
  refused.reason = "the task's arguments and parameters do not fit in a message";
  if (const Result<scheduler::Consequences> follows = scheduler.report(refused, now, batch); follows) apply(*follows, now, batch);
}

}  // namespace fleet::operations
