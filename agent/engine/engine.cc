#include "agent/engine/engine.h"

namespace agent::engine {
namespace {

using images::files::Access;
using sandbox::EndKind;

constexpr std::size_t inline_result_max = 64 * 1024;
constexpr Duration retry_first{2'000};
constexpr Duration retry_max{300'000};
constexpr std::uint32_t start_attempts_max = 3;

Duration retry_wait(std::uint32_t attempts) {
  Duration wait = retry_first;
  for (std::uint32_t i = 1; i < attempts && wait < retry_max; ++i) wait *= 2;
  return std::min(wait, retry_max);
}

}  // namespace

Engine::Engine(images::files::Files& files, journal::Journal& journal, sandbox::Sandbox& sandbox, std::string folder,
               EngineSettings settings, ElementCache cache)
    : files_(&files),
      journal_(&journal),
      sandbox_(&sandbox),
      folder_(std::move(folder)),
      settings_(settings),
      cache_(std::move(cache)) {}

Result<Engine> Engine::open(images::files::Files& files, journal::Journal& journal, sandbox::Sandbox& sandbox,
                            std::string folder, EngineSettings settings) {
  Result<ElementCache> cache = ElementCache::open(files, folder + "/cache", settings.cache_budget);
  if (!cache) return std::move(cache).error();
  Engine engine(files, journal, sandbox, std::move(folder), settings, *std::move(cache));
  Done read = engine.read_back();
  if (!read) return read.error();
  return engine;
}

void Engine::set_limits(std::uint32_t queue_max, std::uint32_t running_max) {
  if (queue_max > 0) settings_.queue_max = queue_max;
  if (running_max > 0) settings_.running_max = running_max;
}

std::string Engine::folder_of(const AssignmentId& assignment) const {
  return folder_ + "/tasks/" + images::keys::sha256(assignment.text).text.substr(0, 32);
}

std::string Engine::result_path(const AssignmentId& assignment) const {
  return folder_ + "/results/" + images::keys::sha256(assignment.text).text.substr(0, 32);
}

std::string Engine::why_refused(const Work& work) const {
  if (!draining_.empty()) return draining_;
  if (!sandbox_->abilities().available) return "no sandbox can be made here: " + sandbox_->abilities().reason;
  if (items_.size() >= settings_.queue_max) return "the queue of " + std::to_string(settings_.queue_max) + " is full";
  const auto over = [](const char* what, Bytes asked, Bytes limit) {
    return asked > limit
               ? std::string(what) + " of " + asked.text() + " is more than the " + limit.text() + " allowed here"
               : std::string();
  };
  for (const std::string& why : {over("memory", work.memory_max, settings_.memory_max),
                                 over("scratch space", work.scratch_max, settings_.scratch_max),
                                 over("a result", work.result_max, settings_.result_max)}) {
    if (!why.empty()) return why;
  }
  std::uint64_t sum = 0;
  for (const NeededElement& element : work.elements) {
    if (element.size > settings_.cache_budget) return "element " + element.name + " is larger than the cache";
    sum += element.size.count;
  }
  return over("its elements together", Bytes{sum}, settings_.cache_budget);
}

void Engine::accept(const Work& work, Instant now) {
  if (items_.contains(work.assignment) || ended_.contains(work.assignment)) return;
  const std::string refused = work.deadline <= now ? "its deadline has passed" : why_refused(work);
  if (!refused.empty()) {
    refuse(work.assignment, refused, now);
    return;
  }
  Item& item = items_[work.assignment];
  item.work = work;
  keep(item);
  report(item, Outcome::Queued, "", now);
}

void Engine::refuse(const AssignmentId& assignment, std::string reason, Instant now) {
  Report refusal{.assignment = assignment, .outcome = Outcome::Refused, .ended = now, .reason = std::move(reason)};
  wishes_.reports.push_back(std::move(refusal));
}

void Engine::report(const Item& item, Outcome outcome, std::string reason, Instant now) {
  wishes_.reports.push_back({.assignment = item.work.assignment,
                             .outcome = outcome,
                             .result_digest = {},
                             .result = {},
                             .processor = item.processor,
                             .started = item.started,
                             .ended = outcome == Outcome::Running || outcome == Outcome::Queued ? Instant{} : now,
                             .reason = std::move(reason),
                             .exit_code = 0});
}

void Engine::finish(const AssignmentId& assignment, Report end, Instant now) {
  const Item& item = items_.at(assignment);
  end.assignment = assignment;
  end.processor = item.processor;
  end.started = item.started;
  if (end.ended == Instant{}) end.ended = now;
  const Instant deadline = item.work.deadline;
  leftovers_.insert(assignment);
  wishes_.reports.push_back(std::move(end));
  forget(assignment, deadline);
}

void Engine::give_back(Item& item, const std::string& reason, Instant now) {
  if (item.stage == Stage::Running || item.stage == Stage::Stopping) {
    if (item.give_back.empty()) item.give_back = reason;
    sandbox_->kill(item.work.assignment);
    return;
  }
  const AssignmentId assignment = item.work.assignment;
  finish(assignment, {.assignment = {}, .outcome = Outcome::Stopped, .reason = reason}, now);
}

void Engine::cancel(const AssignmentId& assignment, const std::string& reason, Instant now) {
  const auto found = items_.find(assignment);
  if (found != items_.end()) {
    give_back(found->second, "cancelled: " + reason, now);
  } else if (!ended_.contains(assignment)) {
    wishes_.reports.push_back(
        {.assignment = assignment, .outcome = Outcome::Stopped, .ended = now, .reason = "cancelled: not held here"});
  }
}

void Engine::drain(const std::string& reason, Instant now) {
  if (draining_.empty()) {
    draining_ = reason.empty() ? "the machine is drained" : "the machine is drained: " + reason;
    remember_draining();
  }
  std::vector<AssignmentId> all = held();
  for (const AssignmentId& assignment : all) {
    Item& item = items_.at(assignment);
    // A result that is there is worth its upload.
    if (item.stage != Stage::Uploading) give_back(item, draining_, now);
  }
}

Done Engine::erase_all() {
  for (auto& [assignment, item] : items_) {
    if (item.stage == Stage::Running || item.stage == Stage::Stopping) sandbox_->kill(assignment);
    journal_->erase("task/" + assignment.text);
  }
  items_.clear();
  wishes_ = {};
  fetching_.clear();
  Done erased = cache_.erase_all();
  if (erased) erased = discard_strays();
  return erased;
}

void Engine::element_arrived(const Digest& digest, Result<std::string> bytes, Instant now, Duration running) {
  const auto found = fetching_.find(digest);
  if (found == fetching_.end()) return;
  Done kept = bytes ? cache_.keep(digest, *bytes, in_use()) : Done(bytes.error());
  if (kept) {
    fetching_.erase(found);
    for (auto& [assignment, item] : items_) {
      if (item.stage == Stage::Fetching && complete(item.work)) item.stage = Stage::Ready;
    }
    return;
  }
  Fetching& fetch = found->second;
  fetch.under_way = false;
  fetch.retry_at = running + retry_wait(++fetch.attempts);
  const bool hopeless = kept.error().code == ErrorCode::PermissionDenied || kept.error().code == ErrorCode::NotFound;
  if (fetch.attempts < settings_.fetch_attempts_max && !hopeless) return;
  fetching_.erase(found);
  for (const AssignmentId& assignment : held()) {
    Item& item = items_.at(assignment);
    const auto needs = [&](const NeededElement& element) { return element.digest == digest; };
    if (item.stage == Stage::Fetching && std::any_of(item.work.elements.begin(), item.work.elements.end(), needs)) {
      give_back(item, "an element could not be fetched: " + kept.error().text(), now);
    }
  }
}

void Engine::result_taken(const AssignmentId& assignment, Done taken, Instant now, Duration running) {
  const auto found = items_.find(assignment);
  if (found == items_.end() || found->second.stage != Stage::Uploading) return;
  Item& item = found->second;
  if (taken) {
    finish(assignment,
           {.assignment = {}, .outcome = Outcome::Done, .result_digest = item.result_digest, .ended = item.ended}, now);
    return;
  }
  item.under_way = false;
  item.retry_at = running + retry_wait(++item.attempts);
}

void Engine::task_ended(const sandbox::TaskEnd& end, Instant now, Duration running) {
  const auto found = items_.find(end.assignment);
  if (found == items_.end() || (found->second.stage != Stage::Running && found->second.stage != Stage::Stopping))
    return;
  Item& item = found->second;
  item.processor += end.processor;
  item.frozen_since.reset();
  if (end.kind == EndKind::Exited && end.exit_code == 0) {
    keep_result(item, end, now);
    return;
  }
  Report report_of_end{.assignment = {}, .reason = end.reason, .exit_code = end.exit_code};
  if (!item.give_back.empty()) {
    report_of_end.outcome = Outcome::Stopped;
    report_of_end.reason = item.give_back;
  } else if (end.kind == EndKind::Exited || end.kind == EndKind::OverLimit) {
    report_of_end.outcome = Outcome::Failed;
  } else if (end.kind == EndKind::NotStarted && ++item.attempts >= start_attempts_max) {
    report_of_end.outcome = Outcome::Stopped;
    report_of_end.reason = "it could not be started: " + end.reason;
  } else if (item.starts >= settings_.starts_max) {
    report_of_end.outcome = Outcome::Stopped;
    report_of_end.reason = "it did not end in " + std::to_string(item.starts) + " starts";
  } else {
    item.stage = Stage::Ready;
    if (end.kind == EndKind::NotStarted) item.retry_at = running + retry_wait(item.attempts);
    keep(item);
    return;
  }
  finish(end.assignment, std::move(report_of_end), now);
}

void Engine::keep_result(Item& item, const sandbox::TaskEnd& end, Instant now) {
  const Digest digest = images::keys::sha256(end.result);
  if (end.result.size() <= inline_result_max) {
    finish(end.assignment, {.assignment = {}, .outcome = Outcome::Done, .result_digest = digest, .result = end.result},
           now);
    return;
  }
  const auto fail = [&](const std::string& why) {
    finish(end.assignment, {.assignment = {}, .outcome = Outcome::Failed, .reason = why}, now);
  };
  if (item.work.result_ticket.empty()) {
    fail("the result of " + Bytes{end.result.size()}.text() +
         " is over 64 KiB and the assignment has no ticket to send it");
    return;
  }
  Done written = files_->replace(result_path(end.assignment), end.result, Access::OwnerOnly);
  if (!written) {
    fail("the result could not be kept: " + written.error().text());
    return;
  }
  item.stage = Stage::Uploading;
  item.result_digest = digest;
  item.ended = now;
  item.attempts = 0;
  item.retry_at = Duration{0};
  keep(item);
}

bool Engine::complete(const Work& work) const {
  return std::all_of(work.elements.begin(), work.elements.end(),
                     [&](const NeededElement& element) { return cache_.holds(element.digest); });
}

std::set<Digest> Engine::in_use() const {
  std::set<Digest> digests;
  for (const auto& [assignment, item] : items_) {
    if (item.stage == Stage::Uploading) continue;
    for (const NeededElement& element : item.work.elements) digests.insert(element.digest);
  }
  return digests;
}

std::uint32_t Engine::running() const {
  return static_cast<std::uint32_t>(std::count_if(items_.begin(), items_.end(), [](const auto& entry) {
    return entry.second.stage == Stage::Running || entry.second.stage == Stage::Stopping;
  }));
}

std::uint32_t Engine::queued() const { return static_cast<std::uint32_t>(items_.size()) - running(); }

std::vector<AssignmentId> Engine::held() const {
  std::vector<AssignmentId> all;
  for (const auto& [assignment, item] : items_) all.push_back(assignment);
  return all;
}

void Engine::clean_up() {
  for (const AssignmentId& assignment : leftovers_) {
    // What cannot be deleted now is a stray for the next start.
    static_cast<void>(sandbox_->discard(folder_of(assignment)).has_value());
    static_cast<void>(files_->remove(result_path(assignment)).has_value());
  }
  leftovers_.clear();
}

Wishes Engine::take_wishes() { return std::exchange(wishes_, {}); }

std::optional<Report> Engine::state_of(const AssignmentId& assignment) const {
  const auto found = items_.find(assignment);
  if (found == items_.end()) return std::nullopt;
  const Item& item = found->second;
  const bool runs = item.stage == Stage::Running || item.stage == Stage::Stopping;
  return Report{.assignment = assignment,
                .outcome = runs ? Outcome::Running : Outcome::Queued,
                .processor = item.processor,
                .started = item.started};
}

Result<std::string> Engine::checkpoint_of(const AssignmentId& assignment) {
  const auto found = items_.find(assignment);
  if (found == items_.end())
    return Error{ErrorCode::NotFound, "assignment " + assignment.text + " is not held here", {}};
  if (found->second.stage == Stage::Running) sandbox_->ask_checkpoint(assignment);
  return sandbox_->checkpoint(folder_of(assignment));
}

}  // namespace agent::engine
