#include "fleet/controller/settings.h"

namespace fleet::controller {
namespace {

class Lines {
 public:
  void add(const std::string& name, const std::string& value) { text_ += name + " = " + value + "\n"; }
  void add(const std::string& name, Duration value) { add(name, text_of(value)); }
  void add(const std::string& name, Bytes value) { add(name, value.text()); }
  void add(const std::string& name, std::uint64_t value) { add(name, std::to_string(value)); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void add_operations(Lines& lines, const operations::Settings& settings) {
  lines.add("poll_interval", settings.poll_interval);
  lines.add("poll_interval_max", settings.poll_interval_max);
  lines.add("poll_busy", settings.poll_busy);
  lines.add("silence_limit", settings.silence_limit);
  lines.add("polls_missed_max", settings.polls_missed_max);
  lines.add("online_min", settings.online_min);
  lines.add("listening_gap", settings.listening_gap);
  lines.add("last_seen_pause", settings.last_seen_pause);
  lines.add("queue_max", settings.queue_max);
  lines.add("running_max", settings.running_max);
  lines.add("nonce_life", settings.nonce_life);
  lines.add("nonces_max", settings.nonces_max);
  lines.add("machine_certificate_life", settings.machine_certificate_life);
  lines.add("party_certificate_life", settings.party_certificate_life);
  lines.add("ticket_life", settings.ticket_life);
  lines.add("unreferenced_life", settings.unreferenced_life);
  lines.add("element_max", settings.element_max);
  lines.add("client_elements_max", settings.client_elements_max);
  lines.add("settle_period", settings.settle_period);
  lines.add("storage_period", settings.storage_period);
  lines.add("due_max", std::uint64_t{settings.due_max});
  lines.add("renewals.drain_lead", settings.renewals.drain_lead);
  lines.add("renewals.answer_time_min", settings.renewals.answer_time_min);
  lines.add("renewals.first_offer_life", settings.renewals.first_offer_life);
  lines.add("scheduler.deadline_min", settings.scheduler.deadline_min);
  lines.add("scheduler.failures_max", settings.scheduler.failures_max);
  lines.add("scheduler.attempts_max", settings.scheduler.attempts_max);
  lines.add("scheduler.tasks_max", settings.scheduler.tasks_max);
  lines.add("placement.lease_left_min", settings.placement.lease_left_min);
  lines.add("placement.order_patience", settings.placement.order_patience);
  lines.add("placement.retrieval_kept", settings.placement.retrieval_kept);
  lines.add("placement.retrieval_extra", settings.placement.retrieval_extra);
  lines.add("placement.shards_max", settings.placement.shards_max);
  lines.add("placement.repairs_max", settings.placement.repairs_max);
}

}  // namespace

std::string printed(const Settings& settings) {
  Lines lines;
  lines.add("folder", settings.folder);
  lines.add("listen", settings.listen);
  lines.add("server_certificate_life", settings.server_certificate_life);
  lines.add("authority_life", settings.authority_life);
  add_operations(lines, settings.operations);
  lines.add("server.body_max", settings.server.body_max);
  lines.add("server.anonymous_body_max", settings.server.anonymous_body_max);
  lines.add("server.bodies_max", settings.server.bodies_max);
  lines.add("server.header_max", settings.server.header_max);
  lines.add("server.connections_max", settings.server.connections_max);
  lines.add("server.address_connections_max", settings.server.address_connections_max);
  lines.add("server.handshakes_max", settings.server.handshakes_max);
  lines.add("server.handshake_timeout", settings.server.handshake_timeout);
  lines.add("server.header_timeout", settings.server.header_timeout);
  lines.add("server.body_timeout", settings.server.body_timeout);
  lines.add("server.idle_timeout", settings.server.idle_timeout);
  lines.add("server.answer_timeout", settings.server.answer_timeout);
  return lines.text();
}

}  // namespace fleet::controller
