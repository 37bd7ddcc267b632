#include "agent/daemon/machine_agent.h"

#include "agent/contract/messages.pb.h"

namespace agent::daemon {
namespace {

constexpr std::string_view phase_entry = "phase";
constexpr std::string_view session_entry = "session";
constexpr std::string_view out_prefix = "out/";
constexpr std::string_view offer_prefix = "offer/";
constexpr std::size_t session_size = 16;

// Twenty digits, so that the journal's order of names is the order of sequences.
std::string out_entry(std::uint64_t sequence) {
  const std::string digits = std::to_string(sequence);
  return std::string(out_prefix) + std::string(20 - digits.size(), '0') + digits;
}

Result<link::Session> session_from(const journal::Journal& journal) {
  link::Session::State state;
  if (const std::string* entry = journal.find(std::string(session_entry))) {
    Result<link::Session::State> decoded = link::decode_state(*entry);
    if (!decoded) return std::move(decoded).error();
    state = *std::move(decoded);
  }
  for (const std::string& name : journal.names(out_prefix)) {
    state.unacknowledged.push_back(
        {.sequence = std::strtoull(name.c_str() + out_prefix.size(), nullptr, 10), .body = *journal.find(name)});
  }
  Result<link::Session::State> whole = link::decode_state(link::encode_state(state));
  if (!whole) return std::move(whole).error();
  return link::Session(link::Session::End::Machine, *std::move(whole), {});
}

}  // namespace

std::string_view name_of(Phase phase) {
  constexpr std::string_view names[] = {"awaiting-answer", "enrolling", "leased",  "draining",
                                        "releasing",       "reporting", "released"};
  return names[static_cast<std::size_t>(phase)];
}

Result<std::unique_ptr<Agent>> Agent::start(Ports ports, AgentSettings settings, Identity identity, MachineFacts facts,
                                            std::uint64_t seed, Moment moment) {
  Done made = ports.files.make_directory(settings.state_folder, images::files::Access::OwnerOnly);
  if (!made) return made.error().within("starting the agent");
  Result<journal::Journal> journal = journal::Journal::open(ports.files, settings.state_folder + "/agent.journal", {});
  if (!journal) return std::move(journal).error().within("starting the agent");
  Result<link::Session> session = session_from(*journal);
  if (!session) return std::move(session).error().within("starting the agent");
  auto agent = std::make_unique<MachineAgent>(ports, std::move(settings), std::move(identity), std::move(facts), seed,
                                              moment, *std::move(journal), *std::move(session));
  Done resumed = agent->resume();
  if (!resumed) return resumed.error().within("starting the agent");
  return std::unique_ptr<Agent>(std::move(agent));
}

MachineAgent::MachineAgent(Ports ports, AgentSettings settings, Identity identity, MachineFacts facts,
                           std::uint64_t seed, Moment moment, journal::Journal journal, link::Session session)
    : ports_(ports),
      settings_(std::move(settings)),
      identity_(std::move(identity)),
      facts_(std::move(facts)),
      random_(seed),
      moment_(moment),
      journal_(std::make_unique<journal::Journal>(std::move(journal))),
      session_(std::move(session)),
      book_(ports.files, settings_.state_folder + "/owner"),
      staged_session_(session_.state().session),
      staged_revision_(session_.revision()),
      staged_up_to_(session_.state().next_sequence - 1),
      next_exchange_(moment.running),
      next_look_(moment.running),
      poll_limits_(settings_.poll),
      schedule_(settings_.poll, seed ^ 0x9E3779B97F4A7C15U) {}

Done MachineAgent::resume() {
  Result<std::optional<consent::Record>> answered = book_.read();
  if (!answered) return std::move(answered).error();
  consent_ = *std::move(answered);
  phase_ = consent_ ? Phase::Enrolling : Phase::AwaitingAnswer;
  if (const std::string* name = journal_->find(std::string(phase_entry))) {
    for (const Phase phase : {Phase::Leased, Phase::Draining, Phase::Releasing, Phase::Reporting, Phase::Released}) {
      if (*name == name_of(phase)) phase_ = phase;
    }
  }
  if (const std::string* pem = journal_->find("controller-key")) {
    Result<images::keys::PublicKey> key = images::keys::PublicKey::from_pem(*pem);
    if (!key) return std::move(key).error().within("reading the controller's key");
    controller_key_ = *std::move(key);
  }
  if (const std::string* agreement = journal_->find("agreement")) agreement_ = *agreement;
  if (journal_->find("release-order") != nullptr) release_ordered_ = moment_.running;
  if (const std::string* pem = journal_->find("certificate")) {
    Done loaded = load_certificate(*pem);
    if (!loaded) return loaded;
  }
  if (phase_ == Phase::Leased || phase_ == Phase::Draining) return begin_lease();
  return {};
}

void MachineAgent::set_phase(Phase phase) {
  phase_ = phase;
  journal_->put(std::string(phase_entry), std::string(name_of(phase)));
}

// From here on the customer's machine is used: only ever called with an accepted consent and a certificate.
Done MachineAgent::begin_lease() {
  invariant(consent_ && consent_->consent.choice == contract::Choice::Accepted, "nothing is furnished without consent");
  Result<engine::Engine> engine =
      engine::Engine::open(ports_.files, *journal_, ports_.sandbox, settings_.state_folder + "/work", settings_.engine);
  if (!engine) return std::move(engine).error();
  lease_.emplace(Lease{std::nullopt, *std::move(engine),
                       ShardWork(*journal_, settings_.transfers_max, settings_.transfer_attempts_max), std::nullopt});
  if (ports_.opener != nullptr) {
    opening_ = std::make_unique<partition::Opening>();
  } else if (Done opened = open_vault(vault_budget()); !opened) {
    return opened;
  }
  Result<presence::Calendar> calendar = presence::Calendar::from_terms(identity_.terms.canonical, ports_.zones);
  // Terms without hours that can be read leave the window unknown: shards are kept, no work runs.
  if (calendar) lease_->calendar.emplace(*std::move(calendar));
  if (!calendar) calm(calendar.error());
  if (const std::string* config = journal_->find("config")) {
    Done taken = take_config(*config);
    if (!taken) return taken;
  }
  for (const std::string& name : journal_->names(offer_prefix)) {
    Done taken = take_offer(*journal_->find(name));
    if (!taken) return taken;
  }
  Done resumed = lease_->shards.resume();
  if (!resumed) return resumed;
  if (session_.state().session.empty()) open_session();
  // What the vault holds is part of the introduction: it waits until the partition is open, or cannot be.
  return partition_settled() ? introduce_ourselves() : Done();
}

void MachineAgent::open_session() {
  std::string name;
  for (std::size_t i = 0; i < session_size; ++i) name.push_back(static_cast<char>(random_.below(256)));
  session_.open(std::move(name));
}

Result<Duration> MachineAgent::step(Moment moment) {
  moment_ = moment;
  // Acting may deliver at once, and what is delivered may make more to do.
  for (int round = 0; round < 1000; ++round) {
    while (!inbox_.empty()) {
      Event event = std::move(inbox_.front());
      inbox_.pop_front();
      Done handled = handle(event);
      if (!handled) return handled.error();
    }
    Done acted = act();
    if (acted) acted = commit();
    if (!acted) return acted.error();
    if (inbox_.empty()) break;
  }
  return wait();
}

Done MachineAgent::handle(Event& event) {
  if (auto* nonce = std::get_if<NonceArrived>(&event)) return nonce_arrived(nonce->nonce);
  if (auto* answer = std::get_if<EnrolmentAnswered>(&event)) return enrolled(answer->answer);
  if (auto* frame = std::get_if<FrameArrived>(&event)) return frame_arrived(frame->encoded);
  if (auto* receipt = std::get_if<ReceiptTaken>(&event)) return receipt_taken(receipt->done);
  if (auto* element = std::get_if<ElementArrived>(&event)) return element_arrived(*element);
  if (auto* taken = std::get_if<ElementTaken>(&event)) return element_taken(*taken);
  if (auto* released = std::get_if<DiskReleased>(&event)) return disk_released(std::move(released->receipt));
  if (auto* key = std::get_if<SlotKeyArrived>(&event)) {
    busy_ = false;
    if (opening_) opening_->key_arrived(std::move(key->key), moment_.running);
  }
  if (auto* answered = std::get_if<PartitionAnswered>(&event)) return partition_answered(answered->answer);
  if (auto* end = std::get_if<sandbox::TaskEnd>(&event)) {
    if (lease_) lease_->engine.task_ended(*end, moment_.now, moment_.running);
  }
  return {};
}

Done MachineAgent::act() {
  switch (phase_) {
    case Phase::AwaitingAnswer:
      return await_answer();
    case Phase::Enrolling:
      enrol();
      return {};
    case Phase::Leased:
    case Phase::Draining:
      return act_leased();
    case Phase::Releasing:
      return release();
    case Phase::Reporting:
      if (!busy_ && until(next_exchange_) == Duration{0}) {
        busy_ = true;
        ports_.exchange.begin_receipt(*journal_->find("receipt"));
      }
      return {};
    case Phase::Released:
      return {};
  }
  return {};
}

Done MachineAgent::act_leased() {
  Result<presence::Pause> pause = presence::pause_from(ports_.desk.pause_text());
  // A word of the owner's that cannot be read is taken for a pause: they meant something.
  const presence::Pause effective = pause ? *pause : presence::Pause{.paused = true, .until = std::nullopt};
  presence_ = presence::presence(lease_->calendar ? &*lease_->calendar : nullptr, effective, moment_.now);
  lease_->engine.step(presence_, moment_.now, moment_.running);
  Done done = open_partition();
  if (done) done = carry_out(lease_->engine.take_wishes());
  if (done) done = move_shards();
  if (done) done = ask_owner();
  if (done && introduced_) done = report_status();
  if (done) done = ask_new_certificate();
  if (done) done = commit();
  if (!done) return done;
  if (release_ordered_ && phase_ == Phase::Draining) {
    const bool flushed = session_.state().unacknowledged.empty() && lease_->engine.held().empty();
    // A controller that cannot be reached must not keep the owner's disk.
    const bool waited = moment_.running - *release_ordered_ >= settings_.release_flush_max;
    if ((flushed && !busy_) || waited) {
      set_phase(Phase::Releasing);
      next_exchange_ = moment_.running;
      return release();
    }
  }
  poll();
  return {};
}

Done MachineAgent::commit() {
  stage_session();
  Done committed = journal_->commit();
  if (committed && lease_) lease_->engine.clean_up();
  return committed;
}

void MachineAgent::stage_session() {
  const link::Session::State& state = session_.state();
  if (session_.revision() == staged_revision_) return;
  if (state.session != staged_session_) {
    for (const std::string& name : journal_->names(out_prefix)) journal_->erase(name);
    staged_up_to_ = 0;
  } else if (staged_up_to_ > 0) {
    const std::uint64_t first =
        state.unacknowledged.empty() ? state.next_sequence : state.unacknowledged.front().sequence;
    for (const std::string& name : journal_->names(out_prefix)) {
      if (name >= out_entry(first)) break;
      journal_->erase(name);
    }
  }
  for (const link::Session::Outgoing& waiting : state.unacknowledged) {
    if (waiting.sequence > staged_up_to_) journal_->put(out_entry(waiting.sequence), waiting.body);
  }
  link::Session::State place{.session = state.session,
                             .received = state.received,
                             .next_sequence = state.next_sequence,
                             .unacknowledged = {},
                             .established = state.established,
                             .retired = {}};
  journal_->put(std::string(session_entry), link::encode_state(place));
  staged_session_ = state.session;
  staged_up_to_ = state.next_sequence - 1;
  staged_revision_ = session_.revision();
}

Done MachineAgent::say(const contract::Message& message) {
  Done sent = session_.send(message);
  if (!sent) return sent.error().within("queueing a message");
  // Soon, but together with what else is about to be said; a controller that does not answer keeps its pause.
  if (trouble_.empty()) next_exchange_ = std::min(next_exchange_, moment_.running + settings_.poll.first);
  return {};
}

Done MachineAgent::introduce_ourselves() {
  contract::Message message;
  contract::NodeProfile& profile = *message.mutable_node_profile();
  profile.set_agent_version(facts_.agent_version);
  profile.set_operating_system(facts_.operating_system);
  profile.set_processors(facts_.processors);
  profile.set_processor_mhz(facts_.processor_mhz);
  profile.set_memory_bytes(facts_.memory.count);
  profile.set_lease_bytes(vault_budget().count);
  profile.set_sandbox(ports_.sandbox.abilities().available);
  profile.set_element_cache_bytes(settings_.engine.cache_budget.count);
  introduced_ = true;
  Done said = say(message);
  if (said && lease_->vault) said = answer_with_contents();
  last_status_.clear();
  status_sent_.reset();
  told_presence_.reset();
  return said;
}

Done MachineAgent::report_status() {
  contract::Message message;
  contract::NodeStatus& status = *message.mutable_node_status();
  status.set_window(static_cast<contract::WindowState>(presence_.window));
  status.set_owner(static_cast<contract::OwnerState>(presence_.owner));
  status.set_running(lease_->engine.running());
  status.set_queued(lease_->engine.queued());
  if (lease_->vault) {
    status.set_vault_used_bytes(lease_->vault->used().count);
    status.set_vault_free_bytes(lease_->vault->available().count);
  }
  if (opening_) {
    const bool sound = lease_->vault.has_value();
    status.set_partition(sound ? contract::PARTITION_SOUND : contract::PARTITION_UNAVAILABLE);
    if (!sound) status.set_partition_reason(vault_trouble_.empty() ? opening_->reason() : vault_trouble_);
  }
  const std::string now = status.SerializeAsString();
  // A window that opens or an owner who comes back is told at once: work waits for it, or must not come any more.
  const bool urgent = !told_presence_ || told_presence_->window != presence_.window || told_presence_->owner != presence_.owner;
  if (now == last_status_ || (!urgent && status_sent_ && moment_.running - *status_sent_ < settings_.status_pause)) return {};
  last_status_ = now;
  told_presence_ = presence_;
  status_sent_ = moment_.running;
  status.set_at_ms(moment_.now.time_since_epoch().count());
  return say(message);
}

Done MachineAgent::carry_out(engine::Wishes wishes) {
  for (const engine::Report& report : wishes.reports) {
    Done reported = report_task(report);
    if (!reported) return reported;
  }
  for (const engine::Wishes::Fetch& fetch : wishes.fetches) {
    transfers_[next_transfer_] = fetch.digest;
    ports_.transfer.begin_get(next_transfer_++, fetch.digest, fetch.size, fetch.ticket);
  }
  for (engine::Wishes::Upload& upload : wishes.uploads) {
    transfers_[next_transfer_] = upload.assignment;
    ports_.transfer.begin_put(next_transfer_++, upload.digest, std::move(upload.bytes), upload.ticket);
  }
  return {};
}

Done MachineAgent::move_shards() {
  if (!lease_->vault) return {};
  for (ShardTransfer& transfer : lease_->shards.begin(*lease_->vault, moment_.running)) {
    const std::uint64_t number = next_transfer_++;
    std::string bytes = std::exchange(transfer.bytes, {});
    transfers_[number] = transfer;
    if (transfer.act == ShardAct::Store) {
      ports_.transfer.begin_get(number, transfer.digest, transfer.size, transfer.ticket);
    } else {
      ports_.transfer.begin_put(number, transfer.digest, std::move(bytes), transfer.ticket);
    }
  }
  for (const ShardAnswer& answer : lease_->shards.take_answers()) {
    contract::Message message;
    contract::ShardStatus& status = *message.mutable_shard_status();
    status.set_request(answer.request);
    status.set_shard(answer.shard.text);
    status.set_outcome(static_cast<contract::ShardOutcome>(answer.kind));
    status.set_digest(answer.digest.text);
    status.set_size(answer.size.count);
    status.set_reason(answer.reason);
    Done said = say(message);
    if (!said) return said;
  }
  return {};
}

Done MachineAgent::element_arrived(ElementArrived& event) {
  const auto found = transfers_.find(event.transfer);
  if (found == transfers_.end()) return {};
  const Transfer transfer = std::move(found->second);
  transfers_.erase(found);
  if (!lease_) return {};
  if (const auto* shard = std::get_if<ShardTransfer>(&transfer)) {
    if (lease_->vault) lease_->shards.arrived(shard->request, event.bytes, *lease_->vault, moment_.running);
  } else if (const auto* digest = std::get_if<Digest>(&transfer)) {
    lease_->engine.element_arrived(*digest, std::move(event.bytes), moment_.now, moment_.running);
  }
  return {};
}

Done MachineAgent::element_taken(ElementTaken& event) {
  const auto found = transfers_.find(event.transfer);
  if (found == transfers_.end()) return {};
  const Transfer transfer = std::move(found->second);
  transfers_.erase(found);
  if (!lease_) return {};
  if (const auto* shard = std::get_if<ShardTransfer>(&transfer)) {
    lease_->shards.sent(shard->request, event.done, moment_.running);
  } else if (const auto* assignment = std::get_if<AssignmentId>(&transfer)) {
    lease_->engine.result_taken(*assignment, event.done, moment_.now, moment_.running);
  }
  return {};
}

void MachineAgent::poll() {
  if (busy_ || until(next_exchange_) > Duration{0} || !partition_settled()) return;
  if (certificate_expired()) {
    enrol();
    return;
  }
  busy_ = true;
  ports_.exchange.begin_frame(link::encode_frame(session_.frame()));
}

Done MachineAgent::frame_arrived(const Result<std::string>& encoded) {
  busy_ = false;
  if (!lease_) return {};
  Result<contract::Frame> frame = encoded ? link::decode_frame(*encoded) : Result<contract::Frame>(encoded.error());
  if (!frame) {
    calm(frame.error());
    return {};
  }
  Result<std::vector<contract::Message>> fresh = session_.take(*frame);
  if (!fresh) {
    const bool parted = fresh.error().code == ErrorCode::Conflict;
    calm(fresh.error());
    if (!parted) return {};
    open_session();
    trouble_.clear();
    next_exchange_ = moment_.running;
    return introduce_ourselves();
  }
  trouble_.clear();
  for (const contract::Message& message : *fresh) {
    Done handled = handle_message(message);
    if (!handled) return handled;
  }
  const Duration asked{frame->poll_after_ms()};
  next_exchange_ = moment_.running + schedule_.after_answer(asked, session_.has_traffic());
  return {};
}

void MachineAgent::calm(const Error& error) {
  trouble_ = error.text();
  next_exchange_ = moment_.running + schedule_.after_silence();
}

Duration MachineAgent::wait() const {
  if (phase_ == Phase::Released) return Duration::max();
  Duration wait = busy_ || releasing_ ? Duration::max() : until(next_exchange_);
  if (phase_ == Phase::AwaitingAnswer) return until(next_look_);
  if (!lease_) return wait;
  const auto at = [&](Instant instant) {
    if (instant > moment_.now && instant != Instant::max()) wait = std::min(wait, instant - moment_.now);
  };
  at(presence_.window_changes_at);
  if (opening_) {
    // What is due cannot begin while the message channel is busy, and is looked at again when that ends.
    if (!partition_settled()) wait = Duration::max();
    const Duration due = opening_->wait(moment_.running);
    if (due > Duration{0} || !busy_) wait = std::min(wait, due);
  }
  wait = std::min({wait, lease_->engine.wait(moment_.now, moment_.running), lease_->shards.wait(moment_.running)});
  if (!questions_.empty()) wait = std::min(wait, until(next_look_));
  if (status_sent_ && moment_.running - *status_sent_ < settings_.status_pause) {
    wait = std::min(wait, *status_sent_ + settings_.status_pause - moment_.running);
  }
  if (release_ordered_)
    wait = std::min(wait, std::max(Duration{1}, *release_ordered_ + settings_.release_flush_max - moment_.running));
  return wait;
}

AgentReport MachineAgent::report() const {
  AgentReport report{.phase = phase_, .presence = presence_, .agreement = agreement_, .trouble = trouble_};
  report.sandbox = ports_.sandbox.abilities().available;
  report.sandbox_reason = ports_.sandbox.abilities().reason;
  if (lease_) {
    report.running = lease_->engine.running();
    report.queued = lease_->engine.queued();
  }
  if (lease_ && lease_->vault) {
    report.shards = lease_->vault->inventory().size();
    report.vault_used = lease_->vault->used();
    report.vault_available = lease_->vault->available();
  }
  if (opening_) {
    report.partition = name_of(vault_trouble_.empty() ? opening_->standing() : partition::Standing::Unavailable);
    report.partition_reason = vault_trouble_.empty() ? opening_->reason() : vault_trouble_;
  }
  if (const std::string* entry = journal_->find("summary")) {
    contract::WorkSummary summary;
    if (summary.ParseFromString(*entry)) {
      report.earned_minor = summary.earned_minor();
      report.currency = summary.currency();
      report.tasks_done = summary.tasks_done();
    }
  }
  if (!questions_.empty()) report.renewal_text = questions_.begin()->second.asked.text;
  return report;
}

std::vector<vault::HeldShard> MachineAgent::shards() const {
  return lease_ && lease_->vault ? lease_->vault->inventory() : std::vector<vault::HeldShard>{};
}

}  // namespace agent::daemon
