// How the queue is remembered: entries "task/<assignment>" (one line of facts, then the work) and "ended/<assignment>".
#include <charconv>
#include <sstream>

#include "agent/engine/engine.h"

namespace agent::engine {
namespace {

constexpr std::string_view item_prefix = "task/";
constexpr std::string_view ended_prefix = "ended/";
constexpr std::string_view drain_name = "drain";
constexpr std::size_t ended_max = 4096;

}  // namespace

std::string Engine::encoded(const Item& item) {
  std::ostringstream line;
  const char stage = item.stage == Stage::Uploading ? 'u' : 'q';
  line << stage << ' ' << item.starts << ' ' << item.processor.count() << ' ' << item.started.time_since_epoch().count()
       << ' ' << item.ended.time_since_epoch().count() << ' '
       << (item.result_digest.empty() ? "-" : item.result_digest.text) << '\n';
  return line.str() + engine::encoded(item.work);
}

Result<Engine::Item> Engine::item_from(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos || end > 256)
    return Error{ErrorCode::Corrupt, "a queued assignment has no line of facts", {}};
  std::istringstream line{std::string(bytes.substr(0, end))};
  char stage = 0;
  std::int64_t processor = 0;
  std::int64_t started = 0;
  std::int64_t ended = 0;
  Item item;
  line >> stage >> item.starts >> processor >> started >> ended >> item.result_digest.text;
  if (!line || (stage != 'u' && stage != 'q'))
    return Error{ErrorCode::Corrupt, "the facts of a queued assignment cannot be read", {}};
  if (item.result_digest.text == "-") item.result_digest = Digest{};
  item.stage = stage == 'u' ? Stage::Uploading : Stage::Fetching;
  item.processor = Duration{processor};
  item.started = Instant{Duration{started}};
  item.ended = Instant{Duration{ended}};
  Result<Work> work = work_from_encoded(bytes.substr(end + 1));
  if (!work) return std::move(work).error();
  item.work = *std::move(work);
  return item;
}

void Engine::keep(const Item& item) {
  journal_->put(std::string(item_prefix) + item.work.assignment.text, encoded(item));
}

void Engine::forget(const AssignmentId& assignment, Instant deadline) {
  journal_->erase(std::string(item_prefix) + assignment.text);
  journal_->put(std::string(ended_prefix) + assignment.text, std::to_string(deadline.time_since_epoch().count()));
  ended_[assignment] = deadline;
  items_.erase(assignment);
  if (ended_.size() <= ended_max) return;
  // What is longest past its deadline is least likely to come again.
  std::vector<std::pair<Instant, AssignmentId>> by_deadline;
  for (const auto& [known, when] : ended_) by_deadline.emplace_back(when, known);
  std::sort(by_deadline.begin(), by_deadline.end());
  by_deadline.resize(by_deadline.size() / 2);
  for (const auto& [when, known] : by_deadline) {
    journal_->erase(std::string(ended_prefix) + known.text);
    ended_.erase(known);
  }
}

void Engine::remember_draining() { journal_->put(std::string(drain_name), draining_); }

Done Engine::read_back() {
  for (const std::string& name : journal_->names(ended_prefix)) {
    const std::string& text = *journal_->find(name);
    std::int64_t deadline = 0;
    std::from_chars(text.data(), text.data() + text.size(), deadline);
    ended_[AssignmentId{name.substr(ended_prefix.size())}] = Instant{Duration{deadline}};
  }
  if (const std::string* draining = journal_->find(std::string(drain_name))) draining_ = *draining;
  for (const std::string& name : journal_->names(item_prefix)) {
    Result<Item> item = item_from(*journal_->find(name));
    if (!item) return std::move(item).error().within("reading the queue's entry " + name);
    const AssignmentId assignment = item->work.assignment;
    items_[assignment] = *std::move(item);
  }
  return discard_strays();
}

// Folders of tasks and large results that no assignment of the queue owns: left by a crash between a report and its
// clean-up.
Done Engine::discard_strays() {
  std::set<std::string> folders;
  std::set<std::string> results;
  for (const auto& [assignment, item] : items_) {
    folders.insert(folder_of(assignment));
    if (item.stage == Stage::Uploading) results.insert(result_path(assignment));
  }
  for (const char* part : {"/tasks", "/results"}) {
    const std::string folder = folder_ + part;
    Done made = files_->make_directory(folder, images::files::Access::OwnerOnly);
    if (!made) return made;
    Result<std::vector<std::string>> names = files_->list(folder);
    if (!names) return std::move(names).error();
    for (const std::string& name : *names) {
      const std::string path = folder + "/" + name;
      if (folders.contains(path) || results.contains(path)) continue;
      Done removed = std::string_view(part) == "/tasks" ? sandbox_->discard(path) : files_->remove(path);
      if (!removed) return removed;
    }
  }
  return {};
}

}  // namespace agent::engine
