#include "provision/run/journal.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

#include "images/keys/keys.h"

namespace provision::run {
namespace {

namespace json = boost::json;

const std::string first_chain(64, '0');
constexpr std::array kinds = {EntryKind::Fact, EntryKind::Intent, EntryKind::Outcome, EntryKind::Failure};
constexpr std::size_t step_max = 200;
constexpr std::size_t facts_max = 32;
constexpr std::size_t fact_text_max = 8 * 1024;

Error corrupt(std::size_t line, std::string_view what) {
  return Error{
      ErrorCode::Corrupt,
      fmt::format("line {} of the journal {}; keep the station's folder as it is and ask whoever looks after it", line,
                  what),
      {}};
}

std::string text_of_entry(const Entry& entry) {
  json::object facts;
  for (const auto& [name, value] : entry.facts) facts[name] = value;
  return json::serialize(
      json::object{{"at", text_of(entry.at)}, {"kind", name_of(entry.kind)}, {"step", entry.step}, {"facts", facts}});
}

const std::string* text_at(const json::object& object, std::string_view name, std::string& into) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return nullptr;
  into.assign(value->get_string().data(), value->get_string().size());
  return &into;
}

Result<Entry> entry_from(std::string_view text, std::size_t line) {
  json::error_code problem;
  json::parse_options options;
  options.max_depth = 4;
  const json::value parsed = json::parse(text, problem, {}, options);
  if (problem || !parsed.is_object()) return corrupt(line, "is not JSON");
  const json::object& object = parsed.get_object();
  Entry entry;
  std::string at;
  std::string kind;
  const json::value* facts = object.if_contains("facts");
  if (object.size() != 4 || text_at(object, "at", at) == nullptr || text_at(object, "kind", kind) == nullptr ||
      text_at(object, "step", entry.step) == nullptr || facts == nullptr || !facts->is_object())
    return corrupt(line, "is no entry");
  const auto instant = instant_from(at);
  const auto known = std::find_if(kinds.begin(), kinds.end(), [&](EntryKind one) { return name_of(one) == kind; });
  if (!instant || known == kinds.end()) return corrupt(line, "names no time or kind that we know");
  if (entry.step.empty() || entry.step.size() > step_max || facts->get_object().size() > facts_max)
    return corrupt(line, "is larger than an entry may be");
  entry.at = *instant;
  entry.kind = *known;
  for (const auto& fact : facts->get_object()) {
    if (!fact.value().is_string() || fact.value().get_string().size() > fact_text_max || fact.key().size() > step_max)
      return corrupt(line, "has a fact that is no text, or too long");
    entry.facts.emplace(std::string(fact.key()), std::string(fact.value().get_string()));
  }
  return entry;
}

}  // namespace

std::string_view name_of(EntryKind kind) {
  switch (kind) {
    case EntryKind::Fact:
      return "fact";
    case EntryKind::Intent:
      return "intent";
    case EntryKind::Outcome:
      return "outcome";
    case EntryKind::Failure:
      return "failure";
  }
  invariant(false, "an EntryKind outside its enumerators");
  return {};
}

std::string line_of(const Entry& entry, std::string_view chain) {
  const std::string text = text_of_entry(entry);
  return images::keys::sha256(std::string(chain) + text).text + " " + text + "\n";
}

Result<JournalText> journal_from(std::string_view text) {
  if (text.size() > journal_size_max.count)
    return Error{ErrorCode::LimitExceeded, fmt::format("the journal is larger than {}", journal_size_max.text()), {}};
  JournalText journal;
  journal.chain = first_chain;
  std::size_t line = 0;
  while (!text.empty()) {
    ++line;
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // torn
    const bool last = end + 1 == text.size();
    const std::string_view whole = text.substr(0, end);
    if (whole.size() > journal_line_max) return corrupt(line, "is longer than an entry may be");
    const bool shaped = whole.size() > 65 && whole[64] == ' ';
    const std::string_view body = shaped ? whole.substr(65) : std::string_view();
    std::string chain;
    if (shaped) chain = images::keys::sha256(journal.chain + std::string(body)).text;
    if (!shaped || chain != whole.substr(0, 64)) {
      // A torn write may have left anything where the last line was to be.
      if (last) break;
      return corrupt(line, "does not continue the line before it");
    }
    Result<Entry> entry = entry_from(body, line);
    if (!entry) return entry.error();
    journal.entries.push_back(std::move(*entry));
    journal.chain = chain;
    journal.whole_bytes += end + 1;
    text.remove_prefix(end + 1);
  }
  return journal;
}

Result<Journal> Journal::read(images::files::Files& files, std::string path) {
  Journal journal(files, std::move(path));
  const auto text = files.read(journal.path_, journal_size_max);
  if (!text) return text.error().within("reading the journal " + journal.path_);
  auto read = journal_from(*text);
  if (!read) return read.error().within("reading the journal " + journal.path_);
  journal.torn_ = read->whole_bytes < text->size();
  journal.whole_bytes_ = read->whole_bytes;
  journal.entries_ = std::move(read->entries);
  journal.chain_ = std::move(read->chain);
  return journal;
}

Result<Journal> Journal::open(images::files::Files& files, std::string path) {
  const auto there = files.exists(path);
  if (!there) return there.error();
  if (!*there) {
    Journal journal(files, std::move(path));
    journal.chain_ = first_chain;
    return journal;
  }
  auto journal = read(files, std::move(path));
  if (!journal || !journal->torn_) return journal;
  if (Done cut = files.truncate(journal->path_, journal->whole_bytes_); !cut) return cut.error();
  if (Done durable = files.sync(journal->path_); !durable) return durable.error();
  journal->torn_ = false;
  return journal;
}

const Entry* Journal::last(EntryKind kind, std::string_view step) const {
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(),
                                  [&](const Entry& entry) { return entry.kind == kind && entry.step == step; });
  return found == entries_.rend() ? nullptr : &*found;
}

Done Journal::add(Entry entry) {
  invariant(!entry.step.empty() && entry.step.size() <= step_max && entry.facts.size() <= facts_max,
            "a journal entry within its limits");
  for (auto& [name, value] : entry.facts)
    if (value.size() > fact_text_max) value.resize(fact_text_max);
  const std::string line = line_of(entry, chain_);
  if (Done added = files_->append(path_, line, images::files::Access::OwnerOnly); !added)
    return added.error().within("writing the journal");
  if (Done durable = files_->sync(path_); !durable) return durable.error().within("writing the journal");
  chain_ = line.substr(0, 64);
  entries_.push_back(std::move(entry));
  return {};
}

}  // namespace provision::run
